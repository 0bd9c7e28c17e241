"""Each region's stream: a task reaches it with what its task definition says, and no other region's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.local import aws, paths, state
from stacks.environment import Environment
from stacks.streaming.settings import SCHEMAS

PROBE = Path(__file__).parents[1] / "services" / "stream_probe.py"
HOME, EUROPE = "us-east-1", "eu-west-1"


def environment_of_a_task(region: str) -> dict[str, str]:
    """As the deployed task definition has it; what comes by secret is not needed here."""
    definition = aws.client("ecs", region).describe_task_definition(
        taskDefinition="richesreach-local-gateway"
    )
    container = definition["taskDefinition"]["containerDefinitions"][0]
    given = {pair["name"]: pair["value"] for pair in container["environment"]}
    return {**given, "DATABASE_USER": "nobody", "DATABASE_PASSWORD": "nothing"}


def probe(region: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(paths.SERVICES_PYTHON), str(PROBE), *words],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(paths.ROOT / "services"),
            **environment_of_a_task(region),
        },
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def follower(region: str) -> Iterator[subprocess.Popen[str]]:
    """Of the region's ticks, once it stands at their end."""
    following = probe(region, "follow")
    try:
        assert following.stdout is not None
        assert following.stdout.readline() == "ready\n"
        yield following
    finally:
        following.kill()
        following.wait(30)


def said(following: subprocess.Popen[str]) -> str:
    assert following.stdout is not None
    return following.stdout.readline().strip()


@pytest.mark.timeout(120)
def test_message_published_in_a_region_arrives_there_and_in_no_other() -> None:
    with follower(EUROPE) as europe, follower(HOME) as home:
        assert probe(EUROPE, "publish", "1").wait(60) == 0
        assert said(europe) == "1"
        assert probe(HOME, "publish", "2").wait(60) == 0
        assert said(home) == "2"


def test_every_region_has_a_broker_with_every_topic(environment: Environment) -> None:
    streams = {stream.region: stream for stream in state.read(paths.STATE_FILE).streams}
    assert streams.keys() == environment.regions.keys()
    assert {stream.topics for stream in streams.values()} == {len(list(SCHEMAS.iterdir()))}
    assert {stream.status for stream in streams.values()} == {"running"}
