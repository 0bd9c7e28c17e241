"""``python -m ops.flink``: prints where the package is, after building it where it is not there yet.

The CDK's CLI runs this when it uploads the assets of a stack that has the job.
"""

from __future__ import annotations

import sys

from ops.errors import OperationError
from ops.flink.build import build

if __name__ == "__main__":
    try:
        sys.stdout.write(f"{build()}\n")
    except OperationError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
