"""What the stream makes of ticks, as it is seen through the edge."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.local import aws, paths
from tests.acceptance.client import Edge

PROBE = Path(__file__).parents[1] / "services" / "live_price_probe.py"
QUERY = {"query": '{ symbol(name: "TSLA") { currentPrice } }'}
#: No other source of the platform says it.
PRICE = 4242.4242
PATIENCE = 90


def environment_of_a_task(region: str) -> dict[str, str]:
    """As the deployed task definition has it; what comes by secret is not needed here."""
    definition = aws.client("ecs", region).describe_task_definition(
        taskDefinition="richesreach-local-gateway"
    )
    container = definition["taskDefinition"]["containerDefinitions"][0]
    given = {pair["name"]: pair["value"] for pair in container["environment"]}
    return {**given, "DATABASE_USER": "nobody", "DATABASE_PASSWORD": "nothing"}


@contextmanager
def ticks_in(region: str) -> Iterator[None]:
    """While it lasts, TSLA trades at PRICE on the region's broker."""
    publishing = subprocess.Popen(
        [str(paths.SERVICES_PYTHON), str(PROBE), "TSLA", str(PRICE)],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(paths.ROOT / "services"),
            **environment_of_a_task(region),
        },
    )
    try:
        yield
        assert publishing.poll() is None, "the probe ended"
    finally:
        publishing.kill()
        publishing.wait(30)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("place", "region"), [("New York", "us-east-1"), ("Frankfurt", "eu-west-1")])
def test_the_current_price_follows_the_ticks_of_the_region(edge: Edge, place: str, region: str) -> None:
    seen = set[float]()
    with ticks_in(region):
        until = time.monotonic() + PATIENCE
        while PRICE not in seen:
            assert time.monotonic() < until, f"never seen: {PRICE}, but {sorted(seen)}"
            answer = edge.post("/graphql", QUERY, place)
            seen.add(answer.document["data"]["symbol"]["currentPrice"])
            time.sleep(0.2)
