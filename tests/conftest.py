"""What holds for every test: jsii runs on the Node that the lock of `.venv` pins; calls of AWS are recorded.

Both set before anything imports aws_cdk, which starts that Node, or makes a session of botocore.
"""

import os
from importlib.util import find_spec

import pytest

from stacks.node import NODE

if NODE.exists():
    os.environ["JSII_NODE"] = str(NODE)

# The services' own environment has no botocore, and no code that calls AWS.
RECORDING = find_spec("botocore") is not None

if RECORDING:
    from tests.aws_calls import recorder

    recorder.install()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-aws-calls",
        action="store_true",
        help="write what these tests call of AWS into tests/aws_calls/calls.json and docs/aws-calls.md",
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    if RECORDING:
        from tests.aws_calls import finish  # noqa: PLC0415 - only where there is botocore

        finish.finish(session, recorder.recorded())
