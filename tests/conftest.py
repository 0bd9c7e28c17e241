"""What holds for every test: jsii runs on the Node that the lock of `.venv` pins.

Set before anything imports aws_cdk, which starts that Node.
"""

import os
import sys
from pathlib import Path

NODE = Path(sys.executable).parent / "node"

if NODE.exists():
    os.environ["JSII_NODE"] = str(NODE)
