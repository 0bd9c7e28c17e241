"""A real server process on a free port for the session, and stacks deployed to it through boto3."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-local" / "bin" / "python"
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
_PR_SET_PDEATHSIG = 1


class LocalAws:
    """The server under test: clients of it, and stacks on it."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """A boto3 client of the server."""
        if (service, region) not in self._clients:
            self._clients[service, region] = boto3.client(
                service,
                region_name=region,
                endpoint_url=self.endpoint,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
            )
        return self._clients[service, region]

    def deploy(
        self,
        resources: dict[str, Any],
        outputs: dict[str, Any] | None = None,
        *,
        region: str = "us-east-1",
        name: str = "",
    ) -> Stack:
        """Creates a stack, or updates the one of that name, and waits until it is done."""
        stack = Stack(self, name or f"stack-{uuid.uuid4().hex[:8]}", region)
        stack.apply(resources, outputs or {}, update=bool(name))
        return stack


class Stack:
    """A deployed stack, its outputs and its end."""

    def __init__(self, aws: LocalAws, name: str, region: str) -> None:
        self.aws, self.name, self.region = aws, name, region
        self.outputs: dict[str, str] = {}
        self.status = ""

    def start(self, resources: dict[str, Any], outputs: dict[str, Any], *, update: bool = False) -> None:
        """Sends the template and returns at once."""
        body = {"Resources": resources, "Outputs": {key: {"Value": value} for key, value in outputs.items()}}
        formation = self.aws.client("cloudformation", self.region)
        send = formation.update_stack if update else formation.create_stack
        send(StackName=self.name, TemplateBody=json.dumps(body), Capabilities=["CAPABILITY_NAMED_IAM"])

    def apply(self, resources: dict[str, Any], outputs: dict[str, Any], *, update: bool = False) -> None:
        """Sends the template and waits; fails the test with the first resource's reason."""
        self.start(resources, outputs, update=update)
        self.wait()
        assert self.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), self.failures()

    def wait(self) -> None:
        """Waits for the operation's end and reads status and outputs."""
        formation = self.aws.client("cloudformation", self.region)
        while True:
            described = formation.describe_stacks(StackName=self.name)["Stacks"][0]
            if not described["StackStatus"].endswith("_IN_PROGRESS"):
                break
            time.sleep(0.02)
        self.status = described["StackStatus"]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])}

    def failures(self) -> list[str]:
        """What went wrong, by resource."""
        events = self.aws.client("cloudformation", self.region).describe_stack_events(StackName=self.name)
        return [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in events["StackEvents"]
            if event["ResourceStatus"].endswith("_FAILED")
        ]

    def delete(self) -> None:
        """Deletes the stack and waits; fails the test when a resource stays."""
        formation = self.aws.client("cloudformation", self.region)
        stack_id = formation.describe_stacks(StackName=self.name)["Stacks"][0]["StackId"]
        formation.delete_stack(StackName=self.name)
        while True:
            status = formation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
            if status != "DELETE_IN_PROGRESS":
                break
            time.sleep(0.02)
        assert status == "DELETE_COMPLETE", self.failures()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def start_server(folder: Path) -> tuple[subprocess.Popen[bytes], LocalAws]:
    """A server on a free port, ready; its log and temporary files are in `folder`."""
    port, log = _free_port(), folder / "server.log"
    environment = {
        "PATH": os.environ["PATH"],
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "TMPDIR": str(folder),
    }
    with log.open("wb") as sink:
        server = subprocess.Popen(
            [str(PYTHON), "-m", "ops.local.types"],
            cwd=ROOT,
            env=environment,
            stdout=sink,
            stderr=subprocess.STDOUT,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - no thread runs yet
        )
    endpoint = f"http://127.0.0.1:{port}"
    _wait_until_it_answers(endpoint, server, log)
    return server, LocalAws(endpoint)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    server, local_aws = start_server(tmp_path_factory.mktemp("local-aws"))
    try:
        yield local_aws
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_until_it_answers(endpoint: str, server: subprocess.Popen[bytes], log: Path) -> None:
    while server.poll() is None:
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"the server ended with {server.returncode}:\n{log.read_text()[-2000:]}")


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Names that no other test uses: the server is shared."""
    suffix = uuid.uuid4().hex[:6]
    return lambda stem: f"{stem}-{suffix}"
