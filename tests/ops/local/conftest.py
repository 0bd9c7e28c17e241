"""A real local AWS per test session, on a free port, with its own addresses and folders."""

import json
import os
import signal
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.local import aws
from ops.local.paths import LOCAL_PYTHON, ROOT
from ops.local.process import BASE_PATH, Child, Command
from tests import loopback

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(condition: Callable[[], Any], seconds: float = 120.0) -> Any:
    """The first true answer of `condition`; fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"did not become true within {seconds:.0f} s (last answer: {answer!r})")
        time.sleep(0.1)


def deploy(region: str, stack: str, resources: dict[str, Any]) -> None:
    """Create or update a stack of the given resources, to the end."""
    cloudformation = aws.client("cloudformation", region)
    body = json.dumps({"Resources": resources})
    names = [s["StackName"] for s in cloudformation.describe_stacks()["Stacks"]]
    if stack in names:
        cloudformation.update_stack(StackName=stack, TemplateBody=body)
    else:
        cloudformation.create_stack(StackName=stack, TemplateBody=body)

    def settled() -> dict[str, Any] | None:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        return None if found["StackStatus"].endswith("IN_PROGRESS") else found

    ended = eventually(settled, 20)
    assert ended["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}, ended.get("StackStatusReason")


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a local AWS that lives as long as the test session."""
    port = free_port()
    folder = tmp_path_factory.mktemp("local-aws")
    env = {
        "PATH": BASE_PATH,
        "PYTHONPATH": str(ROOT),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "EDGE_PORT": str(port),
        "LOG_LEVEL": "WARNING",
        loopback.VARIABLE: os.environ[loopback.VARIABLE],
    }
    launcher = str(Path(__file__).with_name("local_aws.py"))
    child = Child(Command((str(LOCAL_PYTHON), launcher), folder / "log", env, folder))
    before = os.environ.get("RICHESREACH_AWS_PORT")
    os.environ["RICHESREACH_AWS_PORT"] = str(port)

    def answers() -> bool:
        assert child.alive(), child.reason()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    try:
        eventually(answers, 30)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.stop(signal.SIGTERM)
        if before is None:
            del os.environ["RICHESREACH_AWS_PORT"]
        else:
            os.environ["RICHESREACH_AWS_PORT"] = before
