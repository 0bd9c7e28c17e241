"""What holds for every test: jsii runs on the Node that the lock of `.venv` pins; calls of AWS are recorded,
and what botocore knows of AWS is read once; no garbage is looked for among what is imported.

All set before anything imports aws_cdk, which starts that Node, or makes a session of botocore.
"""

import functools
import gc
import os
from importlib.util import find_spec

import pytest

from stacks.node import NODE

# Imports make objects by the hundred thousand, and none is garbage. To look through all of them took up to a
# second at a time, in which nothing that a test had asked for went on.
gc.disable()

if NODE.exists():
    os.environ["JSII_NODE"] = str(NODE)

# The services' own environment has no botocore, and no code that calls AWS.
RECORDING = find_spec("botocore") is not None

if RECORDING:
    import botocore.session

    from tests.aws_calls import recorder

    recorder.install()
    # moto forgets the session with each test, and each session reads the models of its services anew.
    botocore.session.create_loader = functools.cache(botocore.session.create_loader)
    # Nor has any test a use for the 1,296 images that moto would make in each region of EC2.
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-aws-calls",
        action="store_true",
        help="write what these tests call of AWS into tests/aws_calls/calls.json and docs/aws-calls.md",
    )


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if RECORDING:
        from tests.aws_calls import finish  # noqa: PLC0415 - only where there is botocore

        finish.finish(session, recorder.recorded())
