"""``python -m tests.aws_calls MODULE …``: runs the module as ``python -m`` does, its calls recorded."""

from __future__ import annotations

import runpy
import sys

from tests.aws_calls import recorder

if __name__ == "__main__":
    recorder.install()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
