"""No deployment removes or replaces what holds data unless the committed lock changes with it."""

from __future__ import annotations

import pytest

from tests.stacks.assembly import Assembly, Json
from tests.stacks.stateful import ENVIRONMENTS, MEND, Lock, differences, lock_of, read

STACK = "richesreach-prod-eu-west-1-global-db"


@pytest.fixture
def locked() -> Lock:
    return read("prod")


def cluster(lock: Lock) -> str:
    """Key of Ireland's database cluster."""
    (found,) = (
        name
        for name, entry in lock.items()
        if name.startswith(f"{STACK}/") and entry["type"] == "AWS::RDS::DBCluster"
    )
    return found


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_nothing_stateful_is_removed_replaced_or_unknown(name: str, request: pytest.FixtureRequest) -> None:
    assembly: Assembly = request.getfixturevalue(name)
    found = differences(read(name), lock_of(assembly))
    assert found == [], f"{MEND}:\n" + "\n".join(found)


def test_switchover_touches_nothing_stateful_but_logs_of_what_moves(
    locked: Lock, moved_writer: Assembly
) -> None:
    found = differences(locked, lock_of(moved_writer))
    assert [line for line in found if "(AWS::Logs::LogGroup " not in line] == []


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::Cognito::UserPool",
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::KMS::Key",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::RDS::GlobalCluster",
        "AWS::Route53::HostedZone",
        "AWS::S3::Bucket",
        "AWS::SecretsManager::Secret",
    ],
)
def test_lock_knows_what_holds_data(kind: str, locked: Lock) -> None:
    assert any(entry["type"] == kind for entry in locked.values())


def without(lock: Lock, name: str) -> Lock:
    return {key: entry for key, entry in lock.items() if key != name}


def changed(lock: Lock, name: str, **fields: Json) -> Lock:
    return {**lock, name: {**lock[name], **fields}}


def test_removed_resource_is_named_with_its_physical_name(locked: Lock) -> None:
    name = cluster(locked)
    (said,) = differences(locked, without(locked, name))
    assert said.startswith(f"{name} (AWS::RDS::DBCluster richesreach-prod-eu-west-1) would be removed")


def test_changed_name_is_a_replacement(locked: Lock) -> None:
    name = cluster(locked)
    renamed = {**locked[name]["fixed"], "DBClusterIdentifier": "other"}
    (said,) = differences(locked, changed(locked, name, fixed=renamed))
    assert said.endswith(
        'would be replaced: DBClusterIdentifier changes from "richesreach-prod-eu-west-1" to "other"'
    )


def test_other_create_only_property_is_a_replacement_too(locked: Lock) -> None:
    name = cluster(locked)
    bare = {key: value for key, value in locked[name]["fixed"].items() if key != "KmsKeyId"}
    (said,) = differences(locked, changed(locked, name, fixed=bare))
    assert "would be replaced: KmsKeyId changes from" in said


def test_resource_that_is_kept_no_longer_is_named(locked: Lock) -> None:
    name = cluster(locked)
    (said,) = differences(locked, changed(locked, name, deletion="Delete"))
    assert said.endswith("DeletionPolicy changes from Snapshot to Delete")


def test_new_resource_has_to_be_locked(locked: Lock) -> None:
    (said,) = differences(without(locked, cluster(locked)), locked)
    assert said.endswith("is new")
