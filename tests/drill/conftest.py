"""The local platform, deployed by `richesreach up`, and assemblies of it with one setting changed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.deploy.store import RECORD
from ops.local import aws, daemon, paths
from stacks.environment import Environment, load_environment

COMMAND = str(paths.PYTHON)
Synthesise = Callable[[str], Path]


def richesreach(*arguments: str) -> list[str]:
    return [COMMAND, "-m", "ops.cli", *arguments]


def run(command: list[str]) -> tuple[int, str]:
    """Exit status, and everything it said."""
    done = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="session")
def environment() -> Environment:
    return load_environment("local")


@pytest.fixture(scope="session", autouse=True)
def _platform() -> Iterator[None]:
    """Up, and down afterwards: the last drill destroys what it runs on."""
    assert daemon.running() is None, "a platform runs; `make down` first: this drill destroys it"
    subprocess.run(richesreach("up"), cwd=paths.ROOT, check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(richesreach("down"), cwd=paths.ROOT, check=True, capture_output=True)


@pytest.fixture(scope="session")
def with_log_level(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    """Synthesises the platform with another log level of its services: every region's tasks change."""
    from stacks.manifest import load_manifests  # noqa: PLC0415 - starts Node
    from stacks.platform import build  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("assemblies")

    def synthesise(level: str) -> Path:
        services = environment.services.model_copy(update={"log_level": level})
        changed = environment.model_copy(update={"services": services})
        out = folder / level
        build(changed, aws.ACCOUNT, load_manifests(), outdir=str(out)).synth()
        return out

    return synthesise


def levels() -> dict[str, str]:
    """Log level of the gateway's newest task definition by region."""
    found = {}
    for region in load_environment("local").regions:
        ecs = aws.client("ecs", region)
        definition = ecs.describe_task_definition(taskDefinition="richesreach-local-gateway")[
            "taskDefinition"
        ]
        variables = definition["containerDefinitions"][0]["environment"]
        found[region] = next(each["value"] for each in variables if each["name"] == "LOG_LEVEL")
    return found


def runs() -> list[str]:
    """Keys of every run's record, the newest last."""
    listed = aws.client("s3", "us-east-1").list_objects_v2(Bucket=_bucket(), Prefix="richesreach/local/runs/")
    keys = (each["Key"] for each in listed.get("Contents", []))
    return sorted(key for key in keys if key.endswith(RECORD))  # beside them lies the holder's sign of life


def events(key: str) -> list[dict[str, Any]]:
    body = aws.client("s3", "us-east-1").get_object(Bucket=_bucket(), Key=key)["Body"].read()
    return [json.loads(line) for line in body.decode().splitlines()]


def until(event: str, after: list[str], **facts: str) -> None:
    """Waits for an event of a run that is none of ``after``."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        for key in set(runs()) - set(after):
            for each in events(key):
                if each["event"] == event and all(each.get(name) == fact for name, fact in facts.items()):
                    return
        time.sleep(0.3)
    pytest.fail(f"no {event} {facts} within 240 s")


def _bucket() -> str:
    formation = aws.client("cloudformation", "us-east-1")
    outputs = formation.describe_stacks(StackName="CDKToolkit")["Stacks"][0]["Outputs"]
    return str(next(each["OutputValue"] for each in outputs if each["OutputKey"] == "BucketName"))
