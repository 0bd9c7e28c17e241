"""Global databases and datastores are taken apart through the local AWS's own API, in the order it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from botocore.stub import Stubber

from ops.deploy.asking import Account
from ops.destroy.data import Databases, Datastores
from ops.errors import OperationError
from ops.local import aws
from stacks.environment import load_environment

HOME, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-1"
NAME = "richesreach-local"
ENVIRONMENT = load_environment("local")


def databases(said: list[str]) -> Databases:
    return Databases(Account("local"), ENVIRONMENT, said.append, look=0.05)


@pytest.fixture
def global_database(commanded: None) -> Iterator[None]:
    """A writer at home and two secondaries, all protected."""
    aws.client("rds", HOME).create_global_cluster(
        GlobalClusterIdentifier=NAME, Engine="aurora-postgresql", DeletionProtection=True
    )
    for region in (HOME, EU, AP):
        own = {"MasterUsername": "root", "MasterUserPassword": "long-enough-1"} if region == HOME else {}
        aws.client("rds", region).create_db_cluster(
            DBClusterIdentifier=f"{NAME}-{region}",
            Engine="aurora-postgresql",
            GlobalClusterIdentifier=NAME,
            DeletionProtection=True,
            **own,
        )
    yield
    databases([]).take_apart({HOME, EU, AP}, "")
    for region in (HOME, EU, AP):
        rds = aws.client("rds", region)
        rds.modify_db_cluster(DBClusterIdentifier=f"{NAME}-{region}", DeletionProtection=False)
        rds.delete_db_cluster(DBClusterIdentifier=f"{NAME}-{region}", SkipFinalSnapshot=True)
    aws.client("rds", HOME).modify_global_cluster(GlobalClusterIdentifier=NAME, DeletionProtection=False)
    aws.client("rds", HOME).delete_global_cluster(GlobalClusterIdentifier=NAME)


def members() -> set[str]:
    found = aws.client("rds", HOME).describe_global_clusters(GlobalClusterIdentifier=NAME)["GlobalClusters"][
        0
    ]
    return {member["DBClusterArn"].rpartition(":")[2] for member in found["GlobalClusterMembers"]}


@pytest.mark.usefixtures("global_database")
def test_last_snapshot_comes_first_and_the_writer_is_detached_last() -> None:
    done = databases([]).take_apart({HOME, EU, AP}, "final-1")
    assert done[0].action == "delete-cluster"
    assert done[0].snapshot == f"{NAME}-{HOME}-final-1"
    detached = [step.region for step in done if step.action == "detach"]
    assert (sorted(detached[:2]), detached[2]) == ([AP, EU], HOME)
    assert members() == set()
    kept = aws.client("rds", HOME).describe_db_cluster_snapshots(
        DBClusterSnapshotIdentifier=f"{NAME}-{HOME}-final-1"
    )["DBClusterSnapshots"]
    assert [each["Status"] for each in kept] == ["available"]


@pytest.mark.usefixtures("global_database")
def test_one_secondary_goes_and_the_others_stay_as_they_are() -> None:
    done = databases([]).take_apart({EU}, "final-2")
    assert [step.target for step in done if step.action == "detach"] == [f"{NAME}-{EU}"]
    assert not [step for step in done if step.snapshot]
    assert members() == {f"{NAME}-{HOME}", f"{NAME}-{AP}"}


@pytest.mark.usefixtures("global_database")
def test_writer_is_not_taken_from_regions_that_stay() -> None:
    with pytest.raises(OperationError, match=f"{NAME}-{HOME} writes for {AP}, {EU}: switch over first"):
        databases([]).take_apart({HOME}, "final-3")


@pytest.mark.usefixtures("global_database")
def test_writer_that_must_stay_is_told_before_anything_is_touched() -> None:
    with pytest.raises(OperationError, match=f"{NAME}-{HOME} writes for {AP}, {EU}: switch over first"):
        databases([]).check({HOME})
    databases([]).check({HOME, EU, AP})
    assert members() == {f"{NAME}-{region}" for region in (HOME, EU, AP)}


@pytest.fixture
def lone_database(commanded: None) -> Iterator[None]:
    """A cluster in no global database, as of an environment with one data region, and a stranger's."""
    rds = aws.client("rds", HOME)
    for name in (f"{NAME}-{HOME}", "of-somebody-else"):
        rds.create_db_cluster(
            DBClusterIdentifier=name,
            Engine="aurora-postgresql",
            MasterUsername="root",
            MasterUserPassword="long-enough-1",
        )
    yield
    for name in (f"{NAME}-{HOME}", "of-somebody-else"):
        rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)


@pytest.mark.usefixtures("lone_database")
def test_database_that_is_not_global_leaves_a_snapshot_too() -> None:
    done = databases([]).take_apart({HOME, EU}, "final-5")
    assert [step.snapshot for step in done] == [f"{NAME}-{HOME}-final-5"]
    kept = aws.client("rds", HOME).describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert f"{NAME}-{HOME}-final-5" in {each["DBClusterSnapshotIdentifier"] for each in kept}
    assert not [each for each in kept if each["DBClusterIdentifier"] == "of-somebody-else"]


@pytest.mark.usefixtures("commanded")
def test_snapshot_that_failed_is_said_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with _snapshots(monkeypatch, "failed"), pytest.raises(OperationError, match=r"final-6 of .* failed"):
        databases([]).take_apart({HOME}, "final-6")


@pytest.mark.usefixtures("commanded")
def test_snapshot_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Databases(Account("local"), ENVIRONMENT, lambda text: None, look=0.05, patience=0)
    with (
        _snapshots(monkeypatch, "creating"),
        pytest.raises(OperationError, match="final-7 becomes available"),
    ):
        made.take_apart({HOME}, "final-7")


@contextmanager
def _snapshots(monkeypatch: pytest.MonkeyPatch, status: str) -> Iterator[None]:
    """RDS with a snapshot in this state: no server here makes one that is not available at once."""
    client = aws.client("rds", HOME)
    cluster = {"DBClusterIdentifier": f"{NAME}-{HOME}", "Status": "available"}
    with Stubber(client) as stub:
        stub.add_response("describe_global_clusters", {"GlobalClusters": []})
        stub.add_response("describe_db_clusters", {"DBClusters": [cluster]})
        stub.add_response("create_db_cluster_snapshot", {})
        stub.add_response("describe_db_cluster_snapshots", {"DBClusterSnapshots": [{"Status": status}]})
        monkeypatch.setattr(Account, "client", lambda *_: client)
        yield


@pytest.mark.usefixtures("commanded")
def test_nothing_to_take_apart_is_no_error() -> None:
    assert databases([]).take_apart({HOME}, "final-4") == []
    assert Datastores(Account("local"), ENVIRONMENT, lambda text: None).take_apart({HOME, EU}) == []


@pytest.mark.usefixtures("commanded")
def test_secondaries_of_a_datastore_are_disassociated_and_its_primary_stays() -> None:
    cache = aws.client("elasticache", HOME)
    cache.create_replication_group(
        ReplicationGroupId=f"{NAME}-{HOME}-global", ReplicationGroupDescription="d", Engine="valkey"
    )
    made = cache.create_global_replication_group(
        GlobalReplicationGroupIdSuffix=NAME, PrimaryReplicationGroupId=f"{NAME}-{HOME}-global"
    )["GlobalReplicationGroup"]["GlobalReplicationGroupId"]
    _secondary(made)
    store = Datastores(Account("local"), ENVIRONMENT, lambda text: None, look=0.05)
    assert store.take_apart({EU}) == [f"{NAME}-{EU}-global"]
    left = cache.describe_global_replication_groups(GlobalReplicationGroupId=made, ShowMemberInfo=True)
    roles = [member["Role"] for member in left["GlobalReplicationGroups"][0]["Members"]]
    assert roles == ["PRIMARY"]
    cache.delete_global_replication_group(GlobalReplicationGroupId=made, RetainPrimaryReplicationGroup=True)


def test_datastore_that_keeps_its_member_is_somebodys_to_look_at() -> None:
    account = Account("local")
    cache = boto3.client(
        "elasticache", HOME, aws_access_key_id="test", aws_secret_access_key="test", endpoint_url="http://x"
    )
    account._clients["elasticache", HOME] = cache
    group, datastore = f"{NAME}-{EU}-global", f"ldgnf-{NAME}"
    member = {"ReplicationGroupId": group, "ReplicationGroupRegion": EU, "Role": "SECONDARY"}
    described = {
        "GlobalReplicationGroups": [{"GlobalReplicationGroupId": datastore, "Members": [member]}],
    }
    store = Datastores(account, ENVIRONMENT, lambda text: None, look=0, patience=0)
    with Stubber(cache) as stubber:
        for operation, answer in (
            ("describe_global_replication_groups", described),
            ("disassociate_global_replication_group", {}),
            ("describe_global_replication_groups", described),
        ):
            stubber.add_response(operation, answer)
        with pytest.raises(OperationError, match=rf"{group} in {EU} is still a member of {datastore}"):
            store.take_apart({EU})


def _secondary(datastore: str) -> None:
    """As a template makes it: the server's own API knows of no datastore."""
    group = {
        "ReplicationGroupId": f"{NAME}-{EU}-global",
        "ReplicationGroupDescription": "d",
        "GlobalReplicationGroupId": datastore,
    }
    resource = {"Type": "AWS::ElastiCache::ReplicationGroup", "Properties": group}
    formation = aws.client("cloudformation", EU)
    formation.create_stack(
        StackName="second-member", TemplateBody=json.dumps({"Resources": {"Group": resource}})
    )
    waiter = formation.get_waiter("stack_create_complete")
    waiter.wait(StackName="second-member", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
