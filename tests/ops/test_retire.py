"""What `richesreach retire` refuses before it touches anything; tests/drill retires a region for real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from rich.console import Console

from ops import routing
from ops.deploy.asking import Account
from ops.deploy.command import Deployment
from ops.deploy.command import Options as Deploying
from ops.deploy.comparison import Comparison
from ops.deploy.graph import Graph
from ops.destroy.data import Databases
from ops.errors import OperationError, UsageError
from ops.local import aws
from ops.plan.assembly import Stack
from ops.retire import Options, retire
from stacks.environment import load_environment
from tests.ops.left_behind import REGION, left_behind

HOME, DATABASE = "us-east-1", "richesreach-local"


@pytest.mark.usefixtures("commanded")
@pytest.mark.parametrize(
    ("region", "yes", "said"),
    [
        (
            "eu-west-1",
            ("eu-west-1",),
            "eu-west-1 is still in environments/local.yaml: take it out of regions",
        ),
        (
            "eu-north-1",
            "eu-north-1",
            "nothing of local is deployed in 'eu-north-1'; there are ap-southeast-1",
        ),
        ("eu-central-1", (), "go for good: say --yes eu-central-1"),
        ("eu-central-1", ("local", "access"), "go for good: say --yes eu-central-1"),
    ],
)
def test_refused_with_the_mend(region: str, yes: tuple[str, ...], said: str) -> None:
    with left_behind(), pytest.raises(UsageError) as refused:
        retire(Console(), Options("local", region, yes))
    assert said in str(refused.value)


@pytest.mark.usefixtures("commanded")
def test_region_that_writes_for_the_others_is_not_even_drained(monkeypatch: pytest.MonkeyPatch) -> None:
    drained: list[str] = []
    monkeypatch.setattr(routing, "drain", lambda region, *_, **__: drained.append(region))
    with left_behind(), written_in(REGION), pytest.raises(OperationError, match="switch over first"):
        retire(Console(), Options("local", REGION, (REGION,)))
    assert drained == []


@pytest.mark.usefixtures("commanded")
def test_region_serves_on_while_a_yes_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    drained: list[str] = []
    asked: list[Deploying] = []

    def lacks(deployment: Deployment) -> None:
        asked.append(deployment.options)
        raise OperationError("needs an explicit yes: access")

    monkeypatch.setattr(routing, "drain", lambda region, *_, **__: drained.append(region))
    monkeypatch.setattr(Deployment, "deploy", lacks)
    with left_behind(), pytest.raises(OperationError, match="needs an explicit yes"):
        retire(Console(), Options("local", REGION, (REGION, "stack/Id"), bake=0))
    assert drained == []
    assert [(each.dry_run, each.repeated, each.yes) for each in asked] == [(True, True, ("stack/Id",))]


@pytest.mark.parametrize(("repeated", "refusals"), [(True, 0), (False, 1)])
def test_yes_that_is_needed_no_longer_does_not_stop_a_repetition(repeated: bool, refusals: int) -> None:
    name = "richesreach-local-us-east-1-network"
    stack = Stack(name, HOME, "1", {"Resources": {}})
    graph = Graph({name: stack})
    found = Comparison(graph, {name}, {name: stack}, {}, {})
    made = Deployment(Console(), Deploying("local", yes=("gone/Id",), repeated=repeated))
    refused = []
    try:
        made._approve(found)
    except UsageError as error:
        refused.append(str(error))
    assert len(refused) == refusals


@contextmanager
def written_in(region: str) -> Iterator[None]:
    """A global database whose writer is there, with a secondary at home."""
    own = {"MasterUsername": "root", "MasterUserPassword": "long-enough-1"}
    home = aws.client("rds", HOME)
    home.create_global_cluster(GlobalClusterIdentifier=DATABASE, Engine="aurora-postgresql")
    for place, more in ((region, own), (HOME, {})):
        aws.client("rds", place).create_db_cluster(
            DBClusterIdentifier=f"{DATABASE}-{place}",
            Engine="aurora-postgresql",
            GlobalClusterIdentifier=DATABASE,
            **more,
        )
    try:
        yield
    finally:
        Databases(Account("local"), load_environment("local"), print, look=0.05).take_apart(
            {region, HOME}, ""
        )
        for place in (region, HOME):
            aws.client("rds", place).delete_db_cluster(
                DBClusterIdentifier=f"{DATABASE}-{place}", SkipFinalSnapshot=True
            )
        home.delete_global_cluster(GlobalClusterIdentifier=DATABASE)
