"""What holds for every test: jsii runs on the Node that the lock of `.venv` pins.

Set before anything imports aws_cdk, which starts that Node.
"""

import os

from stacks.node import NODE

if NODE.exists():
    os.environ["JSII_NODE"] = str(NODE)
