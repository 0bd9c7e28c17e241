"""A rotation on real servers: the writer gets the new password, services are renewed."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import boto3
import pytest

from tests.lambda_.rotation.conftest import (
    ASIA,
    ENDPOINT,
    EUROPE,
    HOME,
    OLD,
    READER,
    SECRET,
    TOKEN,
    WRITER,
    Database,
    begin,
    value,
)
from tests.loopback import SERVERS

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
Step = Callable[..., None]


def test_rotation_gives_the_writer_a_password_that_opens_it_in_place_of_the_old(
    step: Step, database: Database, manager: Any
) -> None:
    for name in STEPS:
        step(name)
    new = value(manager)["password"]
    assert new != OLD
    assert database.opens(new)
    assert not database.opens(OLD)


def test_rotation_keeps_every_other_field_and_the_length(
    step: Step, database: Database, manager: Any
) -> None:
    for name in STEPS:
        step(name)
    rotated = value(manager)
    assert (rotated["username"], rotated["host"], len(rotated["password"])) == ("richesreach", "kept", 32)
    assert rotated["password"].isalnum()


def test_repeated_step_changes_nothing_more(step: Step, database: Database, manager: Any) -> None:
    step("createSecret")
    first = value(manager, "AWSPENDING")
    step("createSecret")
    assert value(manager, "AWSPENDING") == first
    for name in ("setSecret", "setSecret", "testSecret", "testSecret", "finishSecret", "finishSecret"):
        step(name)
    assert value(manager) == first
    assert database.opens(first["password"])


def test_current_password_stays_until_the_last_step(step: Step, database: Database, manager: Any) -> None:
    for name in STEPS[:-1]:
        step(name)
    assert value(manager)["password"] == OLD


def test_rotation_goes_on_where_a_failed_one_left_the_database(
    step: Step, database: Database, manager: Any
) -> None:
    for name in STEPS:
        step(name)
    # The secret moved on, and somebody restored the database as it was before.
    database.password(OLD)
    again = "99999999-2222-3333-4444-555555555555"
    for name in STEPS:
        step(name, again)
    assert database.opens(value(manager)["password"])


def test_pending_password_that_opens_nothing_is_not_made_current(
    step: Step, database: Database, rotation: ModuleType
) -> None:
    step("createSecret")
    with pytest.raises(rotation.RotationError, match="no member is the writer") as caught:
        step("testSecret")
    assert f"{SERVERS}.7.1: password authentication failed" in str(caught.value)
    assert OLD not in str(caught.value)


def test_database_that_no_known_password_opens_is_left_alone(
    step: Step, database: Database, rotation: ModuleType
) -> None:
    database.password("set-by-somebody-else-entirely-xx")
    step("createSecret")
    with pytest.raises(rotation.RotationError, match="set it by hand"):
        step("setSecret")
    assert database.opens("set-by-somebody-else-entirely-xx")


def test_version_that_nobody_announced_is_refused(rotation: ModuleType, manager: Any) -> None:
    event = {"SecretId": SECRET, "ClientRequestToken": TOKEN, "Step": "createSecret"}
    with pytest.raises(rotation.RotationError, match="start the rotation again"):
        rotation.handler(event, None)


def test_unknown_step_is_refused(step: Step, rotation: ModuleType) -> None:
    with pytest.raises(rotation.RotationError, match="one of createSecret, setSecret"):
        step("dropSecret")


def test_members_are_those_of_the_regions_that_hold_the_secret(rotation: ModuleType, manager: Any) -> None:
    assert rotation.regions(manager, SECRET) == [HOME, EUROPE, ASIA]
    assert rotation.members([HOME, EUROPE, ASIA]) == [READER, WRITER]


def test_region_that_joined_is_known_without_a_deployment(rotation: ModuleType, manager: Any) -> None:
    manager.replicate_secret_to_regions(SecretId=SECRET, AddReplicaRegions=[{"Region": "eu-central-1"}])
    boto3.client("ssm", "eu-central-1").put_parameter(Name=ENDPOINT, Value="joined", Type="String")
    assert rotation.members(rotation.regions(manager, SECRET))[-1] == "joined"


def test_readers_are_asked_and_passed_over(rotation: ModuleType, database: Database) -> None:
    with rotation.writer([READER, WRITER], {"username": "richesreach", "password": OLD}) as connection:
        assert connection.query("SELECT host(inet_server_addr())") == [[WRITER]]


def test_members_that_are_down_are_passed_over(rotation: ModuleType, database: Database) -> None:
    hosts = [f"{SERVERS}.7.99", WRITER]
    with rotation.writer(hosts, {"username": "richesreach", "password": OLD}) as connection:
        assert connection.query("SELECT 1, NULL, 'a'") == [["1", None, "a"]]


def test_services_of_every_region_are_renewed_after_the_last_step(
    step: Step, database: Database, manager: Any
) -> None:
    def deployments(region: str) -> list[str]:
        found = boto3.client("ecs", region).describe_services(
            cluster="richesreach-test", services=["gateway"]
        )
        return [deployment["id"] for deployment in found["services"][0]["deployments"]]

    before = {region: deployments(region) for region in (HOME, EUROPE)}
    for name in STEPS[:-1]:
        step(name)
    assert {region: deployments(region) for region in (HOME, EUROPE)} == before
    step("finishSecret")
    after = {region: deployments(region) for region in (HOME, EUROPE)}
    assert all(after[region] != before[region] for region in (HOME, EUROPE))


def test_services_are_not_renewed_while_their_replica_of_the_secret_is_the_old(
    rotation: ModuleType, manager: Any
) -> None:
    begin(TOKEN)
    waits: list[float] = []
    with pytest.raises(rotation.RotationError, match="eu-west-1 is still the old one"):
        rotation.await_replica(EUROPE, SECRET, TOKEN, sleep=waits.append)
    assert sum(waits) == rotation.REPLICATION_SECONDS


def test_password_reaches_no_statement(
    step: Step, database: Database, manager: Any, rotation: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    shipped = rotation.postgres.Connection.query

    def query(connection: Any, statement: str) -> Any:
        said.append(statement)
        return shipped(connection, statement)

    monkeypatch.setattr(rotation.postgres.Connection, "query", query)
    for name in STEPS:
        step(name)
    assert any("ALTER ROLE" in statement for statement in said)
    assert not [statement for statement in said if value(manager)["password"] in statement]
