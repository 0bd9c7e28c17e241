"""Users, logs, parameters and snapshots of the caches."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.environment import load_environment
from tests.stacks.assembly import Assembly, Resource
from tests.stacks.test_data import GROUP, HOME, OTHERS, REGIONS, member

STORES = ("cache", "global")
SECRET = {"cache": "cache", "global": "global-cache"}


def own(assembly: Assembly, region: str) -> Resource:
    """The region's own cache."""
    return assembly.one(region, "global-db", GROUP, ReplicationGroupId=f"richesreach-prod-{region}")


def user(assembly: Assembly, region: str, store: str, name: str) -> Resource:
    identifier = f"richesreach-prod-{store}-{name}"
    return assembly.one(region, "global-db", "AWS::ElastiCache::User", UserId=identifier)


def user_group(assembly: Assembly, region: str, store: str) -> Resource:
    return assembly.one(
        region, "global-db", "AWS::ElastiCache::UserGroup", UserGroupId=f"richesreach-prod-{store}"
    )


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("store", STORES)
def test_each_store_has_a_user_group_of_default_app_and_admin(
    region: str, store: str, prod: Assembly
) -> None:
    group = user_group(prod, region, store)
    members = [
        user(prod, region, "cache", "default"),
        user(prod, region, store, "app"),
        user(prod, region, store, "admin"),
    ]
    assert group.properties["UserIds"] == [{"Ref": each.logical_id} for each in members]
    assert [each.properties["UserName"] for each in members] == ["default", "app", "admin"]
    assert {each.properties["Engine"] for each in (group, *members)} == {"valkey"}
    attached = own(prod, region) if store == "cache" else member(prod, region)
    assert attached.properties["UserGroupIds"] == [{"Ref": group.logical_id}]
    assert attached.properties.get("TransitEncryptionEnabled", store == "global" and region in OTHERS)


@pytest.mark.parametrize("region", REGIONS)
def test_who_gives_no_name_may_do_nothing(region: str, prod: Assembly) -> None:
    assert user(prod, region, "cache", "default").properties["AccessString"] == "off ~* -@all"


@pytest.mark.parametrize("store", STORES)
def test_services_may_not_use_dangerous_commands(store: str, prod: Assembly) -> None:
    words = user(prod, HOME, store, "app").properties["AccessString"].split()
    assert words[0] == "on"
    assert words.index("-@all") < words.index("+@read") < words.index("-@dangerous")
    assert words[words.index("-@dangerous") + 1 :] == ["+info"]
    assert not {"+@all", "+@admin", "allcommands"} & set(words)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("name", ["app", "admin"])
def test_password_of_a_user_is_a_reference_to_its_own_secret(
    region: str, store: str, name: str, prod: Assembly
) -> None:
    secret = f"{SECRET[store]}/{name}"
    assert user(prod, region, store, name).properties["AuthenticationMode"] == {
        "Type": "password",
        "Passwords": [f"{{{{resolve:secretsmanager:richesreach/prod/{secret}:SecretString:password::}}}}"],
    }


def secrets(assembly: Assembly, region: str) -> dict[str, dict[str, Any]]:
    found = assembly.all(region, "global-db", "AWS::SecretsManager::Secret")
    return {each.properties["Name"].removeprefix("richesreach/prod/"): each.properties for each in found}


@pytest.mark.parametrize("region", REGIONS)
def test_regions_own_cache_has_passwords_of_its_own(region: str, prod: Assembly) -> None:
    for name in ("cache/app", "cache/admin", "cache/default"):
        assert "ReplicaRegions" not in secrets(prod, region)[name]
        assert "SecretString" not in secrets(prod, region)[name]


def test_passwords_of_the_datastore_are_made_at_home_and_replicated(prod: Assembly) -> None:
    for name in ("global-cache/app", "global-cache/admin"):
        replicas = {replica["Region"] for replica in secrets(prod, HOME)[name]["ReplicaRegions"]}
        assert replicas == set(OTHERS)
        assert not [region for region in OTHERS if name in secrets(prod, region)]


def test_user_stands_after_the_secret_that_holds_its_password(prod: Assembly) -> None:
    made = prod.all(HOME, "global-db", "AWS::SecretsManager::Secret")
    ids = {each.properties["Name"]: each.logical_id for each in made}
    for name, secret in (("app", "cache/app"), ("admin", "cache/admin"), ("default", "cache/default")):
        assert ids[f"richesreach/prod/{secret}"] in user(prod, HOME, "cache", name).depends_on


def test_region_without_a_member_of_the_datastore_has_no_users_for_one(twelve: Assembly) -> None:
    regions = twelve.regions("global-db")
    groups = {r: len(twelve.all(r, "global-db", "AWS::ElastiCache::UserGroup")) for r in regions}
    assert sorted(groups.values()) == [1] * 9 + [2] * 3


@pytest.mark.parametrize("region", REGIONS)
def test_what_carries_no_lifetime_is_never_evicted(region: str, prod: Assembly) -> None:
    (parameters,) = prod.all(region, "global-db", "AWS::ElastiCache::ParameterGroup")
    assert parameters.properties["Properties"] == {
        "maxmemory-policy": "volatile-lru",
        "slowlog-log-slower-than": "10000",
    }
    assert own(prod, region).properties["CacheParameterGroupName"] == {"Ref": parameters.logical_id}


@pytest.mark.parametrize("region", REGIONS)
def test_slow_commands_and_the_engines_log_are_delivered_and_kept(region: str, prod: Assembly) -> None:
    expected = []
    for kind in ("slow-log", "engine-log"):
        name = f"/aws/vendedlogs/elasticache/richesreach-prod/{kind}"
        log = prod.one(region, "global-db", "AWS::Logs::LogGroup", LogGroupName=name)
        assert log.properties["RetentionInDays"] == load_environment("prod").cache.log_days
        assert "KmsKeyId" in log.properties
        expected.append(
            {
                "DestinationDetails": {"CloudWatchLogsDetails": {"LogGroup": {"Ref": log.logical_id}}},
                "DestinationType": "cloudwatch-logs",
                "LogFormat": "json",
                "LogType": kind,
            }
        )
    for group in (own(prod, region), member(prod, region)):
        assert group.properties["LogDeliveryConfigurations"] == expected


def test_protected_caches_leave_a_last_snapshot(prod: Assembly) -> None:
    for group in (own(prod, HOME), own(prod, OTHERS[0]), member(prod, HOME)):
        assert group.whole["DeletionPolicy"] == "Snapshot"
        assert group.properties["SnapshotRetentionLimit"] == load_environment("prod").cache.snapshot_days
        assert group.properties["SnapshotWindow"] == "02:00-03:00"


@pytest.mark.parametrize("region", OTHERS)
def test_secondary_of_the_datastore_is_not_snapshot_beside_its_primary(region: str, prod: Assembly) -> None:
    assert not set(member(prod, region).properties) & {"SnapshotRetentionLimit", "SnapshotWindow"}


@pytest.mark.parametrize("region", REGIONS)
def test_minor_versions_arrive_in_the_maintenance_window(region: str, prod: Assembly) -> None:
    for group in (own(prod, region), member(prod, region)):
        assert group.properties["AutoMinorVersionUpgrade"] is True
        assert group.properties["PreferredMaintenanceWindow"] == "sun:03:30-sun:04:30"


def test_services_get_name_and_password_of_each_store_by_reference(prod: Assembly) -> None:
    (task,) = prod.all(HOME, "ecs", "AWS::ECS::TaskDefinition")[:1]
    container = task.properties["ContainerDefinitions"][0]
    given = {secret["Name"]: str(secret["ValueFrom"]) for secret in container["Secrets"]}
    for variable, secret, key in (
        ("REDIS_USERNAME", "cache/app", "username"),
        ("REDIS_PASSWORD", "cache/app", "password"),
        ("GLOBAL_CACHE_USERNAME", "global-cache/app", "username"),
        ("GLOBAL_CACHE_PASSWORD", "global-cache/app", "password"),
    ):
        assert f"secret:richesreach/prod/{secret}:{key}::" in given[variable]
