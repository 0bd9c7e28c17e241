"""Replication groups, alone and in a Global Datastore."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import REGIONS, LocalAws, Stack

HOME = "us-east-1"


def _group(region: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::ElastiCache::ReplicationGroup",
        "Properties": {
            "ReplicationGroupId": f"cache-{region}",
            "ReplicationGroupDescription": "under test",
            "NumCacheClusters": 2,
            "AutomaticFailoverEnabled": True,
            "MultiAZEnabled": True,
            **more,
        },
    }


def _primary() -> dict[str, Any]:
    return _group(
        HOME,
        Engine="valkey",
        EngineVersion="8.1",
        CacheNodeType="cache.r7g.large",
        AtRestEncryptionEnabled=True,
        TransitEncryptionEnabled=True,
        KmsKeyId="arn:aws:kms:us-east-1:000000000000:key/cache",
        SnapshotRetentionLimit=3,
    )


@pytest.fixture(scope="module")
def stacks(aws: LocalAws) -> dict[str, Stack]:
    datastore = {
        "Type": "AWS::ElastiCache::GlobalReplicationGroup",
        "Properties": {
            "GlobalReplicationGroupIdSuffix": "under-test",
            "Members": [
                {"ReplicationGroupId": {"Ref": "Group"}, "ReplicationGroupRegion": HOME, "Role": "PRIMARY"},
            ],
        },
    }
    outputs = {
        "Primary": {"Fn::GetAtt": ["Group", "PrimaryEndPoint.Address"]},
        "Port": {"Fn::GetAtt": ["Group", "PrimaryEndPoint.Port"]},
        "Reader": {"Fn::GetAtt": ["Group", "ReaderEndPoint.Address"]},
    }
    identifier = {"Fn::GetAtt": ["Datastore", "GlobalReplicationGroupId"]}
    home = {"Group": _primary(), "Datastore": datastore}
    made = {HOME: aws.deploy(home, {**outputs, "Datastore": identifier})}
    for region in REGIONS[1:]:
        secondary = _group(region, GlobalReplicationGroupId=made[HOME].outputs["Datastore"])
        made[region] = aws.deploy({"Group": secondary}, outputs, region=region)
    return made


def _described(aws: LocalAws, region: str) -> dict[str, Any]:
    answer = aws.client("elasticache", region).describe_replication_groups(
        ReplicationGroupId=f"cache-{region}"
    )
    return dict(answer["ReplicationGroups"][0])


def _roles(aws: LocalAws, identifier: str) -> dict[str, str]:
    answer = aws.client("elasticache").describe_global_replication_groups(
        GlobalReplicationGroupId=identifier, ShowMemberInfo=True
    )
    return {m["ReplicationGroupRegion"]: m["Role"] for m in answer["GlobalReplicationGroups"][0]["Members"]}


def test_every_node_has_an_address_of_its_own(aws: LocalAws, stacks: dict[str, Stack]) -> None:
    addresses: list[str] = []
    for region, stack in stacks.items():
        shard = _described(aws, region)["NodeGroups"][0]
        assert shard["PrimaryEndpoint"] == {"Address": stack.outputs["Primary"], "Port": 6379}
        assert shard["ReaderEndpoint"]["Address"] == stack.outputs["Reader"]
        addresses += [stack.outputs["Primary"], stack.outputs["Reader"]]
        addresses += [member["ReadEndpoint"]["Address"] for member in shard["NodeGroupMembers"]]
    assert len(addresses) == len(set(addresses)) == 12
    assert all(address.startswith("127.70.") for address in addresses)


def test_a_group_keeps_encryption_failover_and_snapshots(aws: LocalAws, stacks: dict[str, Stack]) -> None:
    group = _described(aws, HOME)
    assert (group["AtRestEncryptionEnabled"], group["TransitEncryptionEnabled"]) == (True, True)
    assert (group["MultiAZ"], group["AutomaticFailover"]) == ("enabled", "enabled")
    assert group["KmsKeyId"] == "arn:aws:kms:us-east-1:000000000000:key/cache"
    assert group["SnapshotRetentionLimit"] == 3


def test_a_secondary_inherits_engine_node_type_and_encryption(
    aws: LocalAws, stacks: dict[str, Stack]
) -> None:
    group = _described(aws, "eu-west-1")
    assert (group["Engine"], group["CacheNodeType"]) == ("valkey", "cache.r7g.large")
    assert (group["AtRestEncryptionEnabled"], group["TransitEncryptionEnabled"]) == (True, True)


def test_the_datastore_has_a_generated_prefix_and_its_members(
    aws: LocalAws, stacks: dict[str, Stack]
) -> None:
    identifier = stacks[HOME].outputs["Datastore"]
    assert identifier == "ldgnf-under-test"
    assert _roles(aws, identifier) == {
        HOME: "PRIMARY",
        "eu-west-1": "SECONDARY",
        "ap-southeast-1": "SECONDARY",
    }


def test_a_failover_moves_the_primary_of_the_datastore(aws: LocalAws, stacks: dict[str, Stack]) -> None:
    identifier = stacks[HOME].outputs["Datastore"]
    for region in ("eu-west-1", HOME):
        aws.client("elasticache").failover_global_replication_group(
            GlobalReplicationGroupId=identifier,
            PrimaryRegion=region,
            PrimaryReplicationGroupId=f"cache-{region}",
        )
        assert [where for where, role in _roles(aws, identifier).items() if role == "PRIMARY"] == [region]
        info = _described(aws, region)["GlobalReplicationGroupInfo"]
        assert info["GlobalReplicationGroupMemberRole"] == "PRIMARY"


def test_a_disassociated_or_deleted_group_is_no_member(aws: LocalAws, stacks: dict[str, Stack]) -> None:
    identifier = stacks[HOME].outputs["Datastore"]
    aws.client("elasticache").disassociate_global_replication_group(
        GlobalReplicationGroupId=identifier,
        ReplicationGroupId="cache-ap-southeast-1",
        ReplicationGroupRegion="ap-southeast-1",
    )
    assert set(_roles(aws, identifier)) == {HOME, "eu-west-1"}
    stacks["eu-west-1"].delete()
    assert set(_roles(aws, identifier)) == {HOME}
    stacks[HOME].delete()
    assert aws.client("elasticache").describe_global_replication_groups()["GlobalReplicationGroups"] == []
