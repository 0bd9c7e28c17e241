"""A plan is one that RDS would follow to its end, whatever the global database looks like."""

from __future__ import annotations

from dataclasses import replace

import boto3
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from moto import mock_aws

from ops.database_plan import GlobalDatabase, Member, PlanError, Step, described, take_apart

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1", "eu-central-1")


class Rds:
    """What RDS keeps of a global database, and the calls that it refuses."""

    def __init__(self, database: GlobalDatabase) -> None:
        self.members = {member.cluster: member for member in database.members}
        self.attached = {member.cluster for member in database.members}
        self.clusters = dict(self.members)
        self.instances = {name: member.cluster for member in database.members for name in member.instances}
        self.protected = {member.cluster for member in database.members if member.protected}
        self.protected |= {database.identifier} if database.protected else set()
        self.exists = True

    def call(self, step: Step) -> None:
        getattr(self, step.action.replace("-", "_"))(step.target)

    def unprotect(self, target: str) -> None:
        self.protected.remove(target)

    def detach(self, cluster: str) -> None:
        if self.members[cluster].writer:
            assert self.attached == {cluster}, "the primary left before its secondaries"
        self.attached.remove(cluster)

    def delete_instance(self, name: str) -> None:
        cluster = self.instances.pop(name)
        first = self.members[cluster].instances[0]
        if name == first:
            assert cluster not in self.instances.values(), "the writing instance went before a reader"

    def delete_cluster(self, cluster: str) -> None:
        assert cluster not in self.protected, "protected"
        assert cluster not in self.attached, "still a member"
        assert cluster not in self.instances.values(), "still has instances"
        del self.clusters[cluster]

    def delete_global(self, identifier: str) -> None:
        assert identifier not in self.protected, "protected"
        assert not self.attached, "still has members"
        self.exists = False


@st.composite
def databases(draw: st.DrawFn) -> GlobalDatabase:
    regions = draw(st.lists(st.sampled_from(REGIONS), unique=True, max_size=4))
    writer = draw(st.sampled_from(regions)) if regions else ""
    members = tuple(
        Member(
            region=region,
            cluster=f"db-{region}",
            instances=tuple(f"db-{region}-{n}" for n in range(draw(st.integers(0, 3)))),
            writer=region == writer,
            protected=draw(st.booleans()),
        )
        for region in regions
    )
    return GlobalDatabase("db", "us-east-1", members, protected=draw(st.booleans()))


EMPTY = GlobalDatabase("db", "us-east-1", ())
THREE = GlobalDatabase(
    "db",
    "us-east-1",
    (
        Member("us-east-1", "db-us", ("db-us-1", "db-us-2"), writer=False, protected=True),
        Member("eu-west-1", "db-eu", ("db-eu-1",), writer=True, protected=True),
        Member("ap-southeast-1", "db-ap", (), writer=False),
    ),
    protected=True,
)


@given(databases())
@example(EMPTY)
@example(THREE)
def test_every_step_is_one_that_rds_takes_and_nothing_is_left(database: GlobalDatabase) -> None:
    rds = Rds(database)
    for step in take_apart(database, unprotect=True):
        rds.call(step)
    assert (rds.exists, rds.clusters, rds.instances) == (False, {}, {})


@given(databases())
def test_nothing_is_done_twice(database: GlobalDatabase) -> None:
    steps = take_apart(database, unprotect=True)
    assert len(set(steps)) == len(steps)


@given(databases())
def test_cluster_that_writes_is_the_last_to_be_deleted(database: GlobalDatabase) -> None:
    deleted = [s.target for s in take_apart(database, unprotect=True) if s.action == "delete-cluster"]
    writers = [member.cluster for member in database.members if member.writer]
    assert deleted[-1:] == writers


@given(databases())
def test_protection_is_turned_off_only_when_that_is_asked_for(database: GlobalDatabase) -> None:
    protected = database.protected or any(member.protected for member in database.members)
    if protected:
        with pytest.raises(PlanError, match="turn protection off first"):
            take_apart(database)
    else:
        assert "unprotect" not in {step.action for step in take_apart(database)}


def test_only_the_primary_leaves_a_snapshot() -> None:
    left = [step.snapshot for step in take_apart(THREE, unprotect=True) if step.snapshot]
    assert left == ["db-eu-final"]
    assert not [step for step in take_apart(THREE, unprotect=True, snapshots="") if step.snapshot]


@pytest.mark.parametrize("writes", [True, False])
def test_database_in_the_middle_of_a_switchover_is_left_alone(writes: bool) -> None:
    members = tuple(replace(member, writer=writes) for member in THREE.members)
    with pytest.raises(PlanError, match="wait for its switchover to end"):
        take_apart(replace(THREE, members=members), unprotect=True)


def test_step_reads_as_a_sentence() -> None:
    assert [str(step) for step in take_apart(THREE, unprotect=True)[-2:]] == [
        "delete-cluster db-eu in eu-west-1, leaving the snapshot db-eu-final",
        "delete-global db in us-east-1",
    ]


@pytest.fixture
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")


@pytest.mark.usefixtures("_credentials")
def test_description_is_what_the_api_answers() -> None:
    with mock_aws():
        rds = boto3.client("rds", "us-east-1")
        rds.create_global_cluster(GlobalClusterIdentifier="db", Engine="aurora-postgresql")
        rds.create_db_cluster(
            DBClusterIdentifier="db-us",
            GlobalClusterIdentifier="db",
            Engine="aurora-postgresql",
            MasterUsername="someone",
            MasterUserPassword="something-long",
            DeletionProtection=True,
        )
        answer = rds.describe_global_clusters()["GlobalClusters"][0]
        clusters = rds.describe_db_clusters()["DBClusters"]
    found = described("us-east-1", answer, clusters)
    assert found == GlobalDatabase(
        "db", "us-east-1", (Member("us-east-1", "db-us", (), writer=True, protected=True),)
    )
    with pytest.raises(PlanError, match="ask its region too"):
        described("us-east-1", answer, [])
