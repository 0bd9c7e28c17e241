"""Writes and reads through the edge meet the servers that the Aurora topology says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.local import aws, paths, state
from stacks.environment import Environment
from tests.acceptance.client import Answer, Edge, eventually

BEACONS = "/api/topology/beacons"

#: A switchover takes minutes on AWS; locally a real promotion takes seconds.
PROMOTION_SECONDS = 60


def test_row_written_at_home_is_read_in_singapore(edge: Edge) -> None:
    written = edge.post(BEACONS, {"message": "across the sea"})
    assert written.status == 201
    assert written.document["written_in"] == "us-east-1"
    assert written.document["database"]["role"] == "writer"

    def arrived() -> Answer | None:
        answer = edge.get(f"{BEACONS}/{written.document['id']}", "Singapore")
        return answer if answer.status == 200 else None

    read = eventually(arrived, "the row in ap-southeast-1", 10).document
    assert read["message"] == "across the sea"
    assert read["read_in"] == "ap-southeast-1"
    assert read["database"]["role"] == "reader"
    assert read["database"]["address"] != written.document["database"]["address"]


def test_row_written_from_singapore_goes_to_the_writer_at_home(edge: Edge) -> None:
    near, far = edge.post(BEACONS, {"message": "near"}), edge.post(BEACONS, {"message": "far"}, "Singapore")
    assert far.document["written_in"] == "ap-southeast-1"
    assert far.document["database"] == near.document["database"]


def test_unknown_row_is_a_problem_document(edge: Edge) -> None:
    answer = edge.get(f"{BEACONS}/00000000-0000-0000-0000-000000000000")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.fixture
def _writer_back_home(environment: Environment) -> Iterator[None]:
    yield
    if writer_region() != environment.home_region:
        switch_over(environment, environment.home_region)


@pytest.mark.usefixtures("_writer_back_home")
def test_switchover_moves_the_real_writer_and_the_services_follow(
    edge: Edge, environment: Environment
) -> None:
    before = edge.post(BEACONS, {"message": "before"}).document
    switch_over(environment, "eu-west-1")

    def accepted() -> Answer | None:
        answer = edge.post(BEACONS, {"message": "after"})
        return answer if answer.status == 201 else None

    after = eventually(accepted, "a write after the switchover", PROMOTION_SECONDS).document
    assert after["database"]["role"] == "writer"
    assert after["database"]["address"] != before["database"]["address"]
    kept = eventually(
        lambda: edge.get(f"{BEACONS}/{before['id']}").status == 200, "the row of before", PROMOTION_SECONDS
    )
    assert kept


def switch_over(environment: Environment, region: str) -> None:
    """A planned switchover, as an operator asks RDS for it; returns when the real servers followed."""
    names = environment.names
    members = aws.client("rds", region).describe_db_clusters(
        DBClusterIdentifier=names.database_cluster(region)
    )["DBClusters"]
    aws.client("rds", writer_region()).switchover_global_cluster(
        GlobalClusterIdentifier=names.global_cluster,
        TargetDbClusterIdentifier=members[0]["DBClusterArn"],
    )
    eventually(lambda: real_writer() == region, f"the writer in {region}", PROMOTION_SECONDS)


def writer_region() -> str:
    """Where RDS says that the writer is."""
    group = aws.client("rds", "us-east-1").describe_global_clusters()["GlobalClusters"][0]
    writers = [member for member in group["GlobalClusterMembers"] if member["IsWriter"]]
    assert len(writers) == 1
    return str(writers[0]["DBClusterArn"].split(":")[3])


def real_writer() -> str:
    """Where the server is that takes writes."""
    databases = state.read(paths.STATE_FILE).databases
    writers = [
        item.region for item in databases if item.role == "writer" and item.status in {"running", "available"}
    ]
    return writers[0] if len(writers) == 1 else ""
