"""Regions are drained, and writes moved, in a KeyValueStore of the local AWS; moto has no data API of one."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from moto import mock_aws

from ops import routing
from ops.errors import OperationError, UsageError
from ops.local import aws
from ops.local.edge import key_value_store
from stacks.environment import load_environment

LOCAL = load_environment("local")
HOME, SECOND, THIRD = LOCAL.regions
NAME = LOCAL.names.parameter("edge", "routing-store-arn")


@pytest.fixture
def store(commanded: None) -> str:
    """ARN of an empty store, published as the edge stack does."""
    made = aws.client("cloudfront", HOME).create_key_value_store(Name=f"routing-{uuid.uuid4().hex[:8]}")
    arn = str(made["KeyValueStore"]["ARN"])
    ssm = aws.client("ssm", LOCAL.dns_region)
    ssm.put_parameter(Name=NAME, Value=arn, Type="String", Overwrite=True)
    return arn


def test_platform_as_deployed_drains_nothing_and_writes_to_the_nearest_region(store: str) -> None:
    assert routing.status() == "drained: none; writes go to: the nearest region"
    assert key_value_store.read_items(store) == {}


def test_drained_regions_are_what_the_function_reads(store: str) -> None:
    routing.drain(THIRD)
    assert routing.drain(SECOND).startswith(f"drained: {', '.join(sorted((SECOND, THIRD)))};")
    assert key_value_store.read_items(store) == {"drained": ",".join(sorted((SECOND, THIRD)))}


def test_draining_twice_is_draining_once(store: str) -> None:
    routing.drain(SECOND)
    assert routing.drain(SECOND) == f"drained: {SECOND}; writes go to: the nearest region"
    assert key_value_store.read_items(store) == {"drained": SECOND}


def test_last_region_undrained_leaves_no_key(store: str) -> None:
    routing.drain(SECOND)
    assert routing.undrain(SECOND).startswith("drained: none;")
    assert key_value_store.read_items(store) == {}


def test_last_region_that_serves_is_not_drained(store: str) -> None:
    routing.drain(SECOND)
    routing.drain(THIRD)
    with pytest.raises(UsageError, match=f"{HOME} is the last region that serves"):
        routing.drain(HOME)
    assert key_value_store.read_items(store) == {"drained": ",".join(sorted((SECOND, THIRD)))}


def test_writes_go_where_they_are_sent_until_they_go_to_the_nearest_again(store: str) -> None:
    assert routing.write_to(SECOND) == f"drained: none; writes go to: {SECOND}"
    assert key_value_store.read_items(store) == {"writer": SECOND}
    assert routing.write_to(None) == "drained: none; writes go to: the nearest region"
    assert key_value_store.read_items(store) == {}


@pytest.mark.usefixtures("store")
def test_region_of_another_platform_is_named_with_those_of_this_one() -> None:
    with pytest.raises(UsageError, match=f"'mars-1' is no region of local; choose one of {HOME}"):
        routing.drain("mars-1")


def test_other_engineers_change_in_between_is_kept(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between reading and writing the store changed: its version is no longer the one that was read."""
    read = routing._read
    others = iter([THIRD])

    def disturbed(api: Any, arn: str, key: str) -> set[str]:
        before = read(api, arn, key)
        for region in others:
            key_value_store.put(store, "drained", region)
        return before

    monkeypatch.setattr(routing, "_read", disturbed)
    routing.drain(SECOND)
    assert key_value_store.read_items(store) == {"drained": ",".join(sorted((SECOND, THIRD)))}


def test_platform_without_a_store_is_named_with_its_mend(store: str) -> None:
    aws.client("ssm", LOCAL.dns_region).delete_parameter(Name=NAME)
    with pytest.raises(OperationError, match=r"store of local does not answer .*is the platform up\?"):
        routing.drain(SECOND)
    assert key_value_store.read_items(store) == {}


def test_items_are_put_and_deleted_one_by_one(store: str) -> None:
    key_value_store.put(store, "writer", SECOND)
    key_value_store.put(store, "drained", THIRD)
    key_value_store.delete(store, "writer")
    assert key_value_store.read_items(store) == {"drained": THIRD}


@mock_aws
def test_nobody_signed_in_drains_nothing_of_prod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with pytest.raises(OperationError, match=r"the routing store of prod does not answer .*sign in"):
        routing.drain("eu-west-1", "prod")
