"""An environment of one region may have one node of a cache, which holds what a datastore would share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stacks.environment import load_environment
from stacks.errors import ConfigurationError
from tests.stacks.assembly import Assembly
from tests.stacks.environments import document, put, read, single_region
from tests.stacks.test_data import GROUP

HOME = load_environment("dev").home_region


def variables(assembly: Assembly) -> dict[str, Any]:
    (task,) = assembly.all(HOME, "ecs", "AWS::ECS::TaskDefinition")[:1]
    return {each["Name"]: each["Value"] for each in task.properties["ContainerDefinitions"][0]["Environment"]}


def secrets(assembly: Assembly) -> dict[str, str]:
    (task,) = assembly.all(HOME, "ecs", "AWS::ECS::TaskDefinition")[:1]
    listed = task.properties["ContainerDefinitions"][0]["Secrets"]
    return {each["Name"]: json.dumps(each["ValueFrom"]) for each in listed}


def test_dev_has_one_cache_of_one_node_and_no_datastore(dev: Assembly) -> None:
    group = dev.one(HOME, "global-db", GROUP).properties
    assert group["NumCacheClusters"] == 1
    assert not dev.all(HOME, "global-db", "AWS::ElastiCache::GlobalReplicationGroup")
    users = {user.properties["UserId"] for user in dev.all(HOME, "global-db", "AWS::ElastiCache::User")}
    assert users == {f"richesreach-dev-cache-{name}" for name in ("default", "app", "admin")}


def test_lone_node_is_not_told_to_fail_over(dev: Assembly, prod: Assembly) -> None:
    lone = dev.one(HOME, "global-db", GROUP).properties
    assert (lone["AutomaticFailoverEnabled"], lone["MultiAZEnabled"]) == (False, False)
    for group in prod.all("us-east-1", "global-db", GROUP):
        assert group.properties["AutomaticFailoverEnabled"] is group.properties["MultiAZEnabled"] is True


def test_lone_node_answers_for_the_replicas_that_it_has_not(dev: Assembly, prod: Assembly) -> None:
    found = variables(dev)
    assert found["REDIS_SECONDARY_HOST"] == found["REDIS_PRIMARY_HOST"]
    others = variables(prod)
    assert others["REDIS_SECONDARY_HOST"] != others["REDIS_PRIMARY_HOST"]


def test_services_find_sessions_in_the_regions_own_cache(dev: Assembly) -> None:
    found = variables(dev)
    assert found["GLOBAL_CACHE_HOST"] == found["REDIS_PRIMARY_HOST"]
    assert found["GLOBAL_CACHE_WRITER_HOST"] == found["REDIS_PRIMARY_HOST"]
    given = secrets(dev)
    assert given["GLOBAL_CACHE_PASSWORD"] == given["REDIS_PASSWORD"]
    assert given["GLOBAL_CACHE_USERNAME"] == given["REDIS_USERNAME"]


def test_task_reaches_the_cache_that_holds_the_sessions(dev: Assembly) -> None:
    groups = dev.all(HOME, "ecs", "AWS::EC2::SecurityGroup")
    rules = [rule for group in groups for rule in group.properties.get("SecurityGroupEgress", [])]
    assert f"Valkey in {HOME}" in {rule["Description"] for rule in rules}


def test_erasure_asks_no_datastore_where_there_is_none(dev: Assembly, prod: Assembly) -> None:
    template = json.dumps(dev.templates[dev.stack_id(HOME, "security")])
    assert "datastore-endpoint" not in template
    assert "global-cache" not in template
    assert "GLOBAL_CACHE_LOGIN" not in template
    assert "global-cache" in json.dumps(prod.templates[prod.stack_id("us-east-1", "security")])


def test_nothing_is_alarmed_on_that_a_lone_node_never_measures(dev: Assembly, prod: Assembly) -> None:
    def lagging(assembly: Assembly) -> list[str]:
        alarms = assembly.all("us-east-1", "monitoring", "AWS::CloudWatch::Alarm")
        names = [alarm.properties["AlarmName"] for alarm in alarms]
        return [name for name in names if "cache-replication-lag" in name or "datastore" in name]

    assert lagging(dev) == []
    assert lagging(prod)


def test_one_region_may_do_without_a_datastore_where_it_is_protected(tmp_path: Path) -> None:
    contents = single_region() | {"datastore_regions": []}
    assert read(tmp_path, contents).datastore_regions == []


def test_protected_region_keeps_a_second_node_though_it_has_no_datastore(tmp_path: Path) -> None:
    contents = put(single_region() | {"datastore_regions": []}, "cache.nodes", 1)
    with pytest.raises(ConfigurationError, match="leaves nothing to fail over to"):
        read(tmp_path, contents)


def test_member_of_a_datastore_is_never_alone(tmp_path: Path) -> None:
    contents = put(document(), "cache.nodes", 1) | {"protect": False}
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, contents)
    assert caught.value.key == "cache.nodes"
