"""The command line, deploying a small platform of three regions to a real local AWS of the session's own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from ops import cdk, cli
from ops.deploy.store import RECORD
from ops.local import aws
from stacks.yaml_file import ROOT
from tests.aws_calls.recorder import RECORDED
from tests.ops.deploy.small_platform import HOME, REGIONS
from tests.ops.types.conftest import start_server

PREFIX = "richesreach-local-"
BUCKET = f"cdk-hnb659fds-assets-{aws.ACCOUNT}-{HOME}"


@dataclass
class Result:
    status: int
    output: str
    errors: str


@dataclass
class Site:
    """A local AWS with nothing but the CDK's own stacks, and commands that are run against it."""

    port: str
    folder: Path

    def client(self, service: str, region: str = HOME) -> Any:
        return aws.client(service, region)

    def command(self, *arguments: str) -> list[str]:
        return [*RECORDED, "ops.cli", *arguments]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The command in a process of its own, in the background."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=ROOT,
            env=_ours() | {"RICHESREACH_AWS_PORT": self.port, "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> Result:
        """The command to its end, in this process: another would import for more than a second. An error is
        one line and no traceback, nor is there one of a thread.
        """
        output, errors = io.StringIO(), io.StringIO()
        fallen: list[threading.ExceptHookArgs] = []
        with (
            patch.object(sys, "argv", ["richesreach", *arguments]),
            patch.dict(os.environ, _ours() | {"RICHESREACH_AWS_PORT": self.port}, clear=True),
            patch.object(threading, "excepthook", fallen.append),
            redirect_stdout(output),
            redirect_stderr(errors),
            pytest.raises(SystemExit) as ended,
        ):
            cli.main()
        assert not fallen
        assert "Traceback" not in errors.getvalue(), errors.getvalue()
        return Result(int(ended.value.code or 0), output.getvalue(), errors.getvalue())

    def deploy(self, assembly: Path, *arguments: str) -> Result:
        return self.run(*self.deploying(assembly, *arguments))

    def deploying(self, assembly: Path, *arguments: str) -> tuple[str, ...]:
        folder = tempfile.mkdtemp(dir=self.folder)
        own = ("deploy", "--env", "local", "--assembly", str(assembly), "--output", folder)
        bake = () if "--wave-bake" in arguments else ("--wave-bake", "0")
        return (*own, *bake, *arguments)

    def stacks(self, region: str) -> dict[str, str]:
        """Status by the name of each stack there, the CDK's own left out."""
        found = self.client("cloudformation", region).describe_stacks()["Stacks"]
        return {
            each["StackName"]: each["StackStatus"]
            for each in found
            if each["StackName"].startswith(PREFIX) and each["StackStatus"] != "DELETE_COMPLETE"
        }

    def runs(self) -> list[str]:
        """Keys of every run's record, the newest last."""
        listed = self.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="richesreach/local/runs/")
        keys = (each["Key"] for each in listed.get("Contents", []))
        return sorted(key for key in keys if key.endswith(RECORD))

    def events(self, key: str = "") -> list[dict[str, Any]]:
        """Of a run, the newest where none is named, as every engineer reads them."""
        key = key or (self.runs() or [""])[-1]
        if not key:
            return []
        body = self.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return [json.loads(line) for line in body.decode().splitlines()]

    def until(self, event: str, after: list[str], **facts: str) -> dict[str, Any]:
        """Waits for an event of a run that is none of ``after``."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            for key in set(self.runs()) - set(after):
                for each in self.events(key):
                    if each["event"] == event and all(each.get(name) == fact for name, fact in facts.items()):
                        return each
            time.sleep(0.2)
        pytest.fail(f"no {event} {facts} within 120 s: {self.events()}")

    def parameter(self, name: str, region: str = HOME) -> str:
        return str(self.client("ssm", region).get_parameter(Name=name)["Parameter"]["Value"])


def _ours() -> dict[str, str]:
    """This process's variables, without a developer's own account."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CDK_"))}


@contextmanager
def _asked(port: str) -> Iterator[None]:
    """The commands' local AWS is at this port, meanwhile."""
    before = os.environ.get("RICHESREACH_AWS_PORT")
    os.environ["RICHESREACH_AWS_PORT"] = port
    try:
        yield
    finally:
        if before is None:
            del os.environ["RICHESREACH_AWS_PORT"]
        else:
            os.environ["RICHESREACH_AWS_PORT"] = before


@pytest.fixture(scope="session")
def bootstrapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of these tests' own, with the CDK's stacks in every region."""
    folder = tmp_path_factory.mktemp("deploying")
    process, local_aws = start_server(folder)
    try:
        site = Site(local_aws.endpoint.rsplit(":", 1)[1], folder)
        with _asked(site.port):
            _bootstrap(site)
        yield site
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def site(bootstrapped: Site) -> Iterator[Site]:
    with _asked(bootstrapped.port):
        yield bootstrapped


def _bootstrap(site: Site) -> None:
    targets = [f"aws://{aws.ACCOUNT}/{region}" for region in REGIONS]
    done = subprocess.run(
        cdk.command(["bootstrap", *targets, "--no-notices"]),
        cwd=site.folder,
        env=cdk.variables("local"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


Synthesise = Callable[..., Path]


@pytest.fixture(scope="module")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    """Makes an assembly of the small platform in a folder of its own."""
    from tests.ops.deploy import small_platform  # noqa: PLC0415 - starts Node

    folder = tmp_path_factory.mktemp("assemblies")

    def make(**changes: Any) -> Path:
        return small_platform.synthesise(Path(tempfile.mkdtemp(dir=folder)) / "cdk.out", **changes)

    return make


@pytest.fixture(scope="module")
def first(synthesise: Synthesise) -> Path:
    """What is deployed first."""
    return synthesise()
