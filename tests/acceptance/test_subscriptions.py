"""Live updates through the edge: what is published on a region's broker reaches that region's subscribers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ops.local import aws, paths
from tests.acceptance.client import Edge

PROBE = Path(__file__).parents[1] / "services" / "subscription_probe.py"
QUERY = {"query": '{ symbol(name: "SPY") { name currentPrice signals(limit: 2) { direction } } }'}


def environment_of_a_task(region: str) -> dict[str, str]:
    """As the deployed task definition has it; what comes by secret is not needed here."""
    definition = aws.client("ecs", region).describe_task_definition(
        taskDefinition="richesreach-local-gateway"
    )
    container = definition["taskDefinition"]["containerDefinitions"][0]
    given = {pair["name"]: pair["value"] for pair in container["environment"]}
    return {**given, "DATABASE_USER": "nobody", "DATABASE_PASSWORD": "nothing"}


@pytest.mark.parametrize(("place", "region"), [("New York", "us-east-1"), ("Frankfurt", "eu-west-1")])
def test_a_message_of_the_regions_broker_reaches_a_subscriber_through_the_edge(
    edge: Edge, place: str, region: str
) -> None:
    url = edge.url.replace("http", "ws", 1) + "/graphql"
    done = subprocess.run(
        [str(paths.SERVICES_PYTHON), str(PROBE), url, place],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(paths.ROOT / "services"),
            **environment_of_a_task(region),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["priceUpdate"] == {"symbol": "SPY", "price": 551.25, "volume": 7.0}


@pytest.mark.parametrize("place", ["New York", "Frankfurt", "Singapore"])
def test_every_region_answers_graphql_from_its_samples(edge: Edge, place: str) -> None:
    answer = edge.post("/graphql", QUERY, place)
    symbol = answer.document["data"]["symbol"]
    assert (answer.status, symbol["name"], len(symbol["signals"])) == (200, "SPY", 2)
    assert symbol["currentPrice"] > 0
    assert answer.headers["cache-control"] == "private, no-store"


def test_a_refused_document_is_a_problem_through_the_edge(edge: Edge) -> None:
    answer = edge.post("/graphql", {"query": "{" * 40})
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.document["errors"][0]["extensions"]["code"] == "TOO_DEEP"
