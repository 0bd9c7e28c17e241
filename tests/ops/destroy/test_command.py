"""What a destruction makes sure of before the first stack goes, on a real local AWS."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from ops.deploy.graph import Graph
from ops.deploy.record import Record, fact
from ops.deploy.store import Store
from ops.destroy.command import Destruction, Options
from ops.destroy.data import Databases
from ops.destroy.removal import Removal
from ops.errors import OperationError
from ops.plan.assembly import Stack
from tests.ops.deploy.conftest import Site

HOME = "us-east-1"
NAME = f"richesreach-local-{HOME}-global-db"
CLUSTER = {"Type": "AWS::RDS::DBCluster", "Properties": {}}
BUCKET = {
    "Type": "AWS::S3::Bucket",
    "DeletionPolicy": "Retain",
    "Properties": {"BucketName": "kept-for-good"},
}
STACK = Stack(NAME, HOME, "1", {"Resources": {"Cluster": CLUSTER, "Kept": BUCKET}})


@pytest.fixture
def deployed(site: Site) -> Iterator[Callable[[bool], None]]:
    """Deploys the stack's bucket, protected from termination or not."""
    formation = site.client("cloudformation", HOME)

    def make(protected: bool = False) -> None:
        body = json.dumps({"Resources": {"Kept": BUCKET}})
        formation.create_stack(StackName=NAME, TemplateBody=body, EnableTerminationProtection=protected)
        formation.get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})

    yield make
    if NAME in site.stacks(HOME):
        formation.update_termination_protection(StackName=NAME, EnableTerminationProtection=False)
        formation.delete_stack(StackName=NAME)
        formation.get_waiter("stack_delete_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})
    site.client("s3").delete_bucket(Bucket="kept-for-good")


def destruction() -> Destruction:
    return Destruction(Console(file=io.StringIO(), width=200), Options("local", yes="local"))


def record(made: Destruction, folder: Path) -> Record:
    return Record(Store(made.account, made.environment), made.run, folder, [])


def refused(self: Databases, *_: object) -> None:
    raise OperationError("the writer must stay")


def test_databases_are_looked_at_before_the_first_stack_goes(
    site: Site, deployed: Callable[[bool], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(False)
    monkeypatch.setattr(Databases, "check", refused)
    made = destruction()
    with pytest.raises(OperationError, match="the writer must stay"):
        made._destroy(Graph({NAME: STACK}), {NAME}, record(made, tmp_path))
    assert NAME in site.stacks(HOME)


def test_what_is_retained_is_recorded_and_shown_however_the_run_ends(
    deployed: Callable[[bool], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(False)
    monkeypatch.setattr(Removal, "run", interrupted)
    made = destruction()
    kept = record(made, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        made._destroy(Graph({NAME: STACK}), {NAME}, kept)
    assert "kept-for-good" in str(fact(kept.events, "retains", "retained"))
    assert isinstance(made.console.file, io.StringIO)
    assert "kept-for-good" in made.console.file.getvalue()


def interrupted(self: Removal, *_: object) -> None:
    raise KeyboardInterrupt


def test_protection_that_is_still_deployed_is_no_yes_whatever_the_file_says(
    deployed: Callable[[bool], None],
) -> None:
    deployed(True)
    with pytest.raises(OperationError, match=f"{NAME} are still protected from termination: deploy protect"):
        destruction()._ask(Graph({NAME: STACK}), {NAME})


def test_unprotected_stack_may_go(deployed: Callable[[bool], None]) -> None:
    deployed(False)
    destruction()._ask(Graph({NAME: STACK}), {NAME})


def test_region_that_left_the_file_goes_although_it_is_protected() -> None:
    name = "richesreach-local-eu-central-1-global-db"
    destruction()._ask(Graph({name: replace(STACK, name=name, region="eu-central-1")}), {name})


def test_dry_run_of_a_protected_environment_says_that_it_would_be_refused() -> None:
    said = io.StringIO()
    name = f"richesreach-prod-{HOME}-global-db"
    made = Destruction(Console(file=said, width=200), Options("prod", dry_run=True))
    made._ask(Graph({name: replace(STACK, name=name)}), {name})
    assert "it would be refused: environments/prod.yaml has protect: true" in said.getvalue()
