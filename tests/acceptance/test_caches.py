"""Caches ask for a name and a password, and a failover of the datastore is followed by the services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ops.local import aws, paths, state
from ops.local.reconcilers.redis_protocol import Login, RedisError, command
from stacks.environment import Environment
from tests.acceptance.client import Answer, Edge, eventually

FAILOVER_SECONDS = 60


def address(region: str, group: str) -> str:
    """The primary endpoint of a replication group."""
    described = aws.client("elasticache", region).describe_replication_groups(ReplicationGroupId=group)
    return str(described["ReplicationGroups"][0]["NodeGroups"][0]["PrimaryEndpoint"]["Address"])


def login(environment: Environment, region: str, secret: str) -> Login:
    """Name and password as a service of the region gets them."""
    manager = aws.client("secretsmanager", region)
    value = json.loads(manager.get_secret_value(SecretId=environment.names.secret(secret))["SecretString"])
    return Login(value["username"], value["password"])


def refused(where: str, port: int, *words: str, login: Login | None = None) -> str:
    with pytest.raises(RedisError) as caught:
        command(where, port, *words, login=login)
    return str(caught.value)


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "ap-southeast-1"])
def test_cache_admits_its_own_regions_user_and_nobody_else(environment: Environment, region: str) -> None:
    where, port = address(region, environment.names.cache(region)), environment.cache.port
    own = login(environment, region, "cache/app")
    assert command(where, port, "SET", "acceptance", region, "EX", "60", login=own) == "OK"
    assert refused(where, port, "GET", "acceptance").startswith("NOAUTH")
    shared = login(environment, region, "global-cache/app")
    assert refused(where, port, "GET", "acceptance", login=shared).startswith("WRONGPASS")


def test_services_user_cannot_empty_a_cache_and_the_administrator_can_look_into_it(
    environment: Environment,
) -> None:
    region = environment.home_region
    where, port = address(region, environment.names.cache(region)), environment.cache.port
    app, admin = (login(environment, region, f"cache/{user}") for user in ("app", "admin"))
    assert refused(where, port, "FLUSHALL", login=app).startswith("NOPERM")
    assert isinstance(command(where, port, "SLOWLOG", "GET", login=admin), list)


def health(edge: Edge, place: str) -> dict[str, Any]:
    found: dict[str, Any] = edge.get("/health/detailed/", place).document["dependencies"]
    return found


@pytest.mark.parametrize("place", ["New York", "Frankfurt", "Singapore"])
def test_services_reach_both_stores_under_their_names(edge: Edge, place: str) -> None:
    found = health(edge, place)
    assert {name: found[name]["status"] for name in ("cache", "global_cache")} == {
        "cache": "healthy",
        "global_cache": "healthy",
    }


@pytest.fixture
def _primary_back_home(environment: Environment) -> Iterator[None]:
    yield
    fail_over(environment, environment.home_region)


@pytest.mark.usefixtures("_primary_back_home")
def test_failover_of_the_datastore_moves_the_real_primary_and_the_services_follow(
    edge: Edge, environment: Environment
) -> None:
    target, port = "eu-west-1", environment.cache.port
    app = login(environment, target, "global-cache/app")
    old = address(environment.home_region, environment.names.global_cache_member(environment.home_region))
    new = address(target, environment.names.global_cache_member(target))
    assert command(old, port, "SET", "before", "1", login=app) == "OK"
    tasks = running_tasks()

    fail_over(environment, target)

    assert command(new, port, "SET", "after", "1", login=app) == "OK"
    assert command(new, port, "GET", "before", login=app) == "1"
    assert refused(old, port, "SET", "lost", "1", login=app).startswith("READONLY")

    def seen() -> Answer | None:
        answer = edge.get("/health/detailed/", "Frankfurt")
        nodes = answer.document["dependencies"]["global_cache"]["nodes"]
        own = [node for node in nodes if node["address"] == f"{new}:{port}"]
        return answer if own and own[0].get("role") == "primary" else None

    eventually(seen, "a service of eu-west-1 that sees its own member as the primary", FAILOVER_SECONDS)
    assert running_tasks() == tasks


def fail_over(environment: Environment, region: str) -> None:
    """As an operator asks ElastiCache for it; returns when the real servers followed."""
    api = aws.client("elasticache", environment.home_region)
    (datastore,) = api.describe_global_replication_groups()["GlobalReplicationGroups"]
    api.failover_global_replication_group(
        GlobalReplicationGroupId=datastore["GlobalReplicationGroupId"],
        PrimaryRegion=region,
        PrimaryReplicationGroupId=environment.names.global_cache_member(region),
    )
    eventually(
        lambda: real_primary(environment) == region, f"the datastore's primary in {region}", FAILOVER_SECONDS
    )


def real_primary(environment: Environment) -> str:
    """The region whose server of the datastore takes writes."""
    members = {environment.names.global_cache_member(region) for region in environment.datastore_regions}
    writers = [
        node.region
        for node in state.read(paths.STATE_FILE).caches
        if node.replication_group in members and node.role == "writer" and node.status == "running"
    ]
    return writers[0] if len(writers) == 1 else ""


def running_tasks() -> dict[str, int]:
    """Process of each task."""
    processes = state.read(paths.STATE_FILE).processes
    return {process.name: process.pid for process in processes if process.kind == "task"}
