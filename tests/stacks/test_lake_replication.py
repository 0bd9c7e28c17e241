"""Replication between the lakes: who sends to whom, with which key and which rights."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.manifest import load_manifests
from tests.stacks.assembly import Assembly
from tests.stacks.lake import BUCKET, HOME, REGIONS, allows, listed


def rules(assembly: Assembly, region: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = assembly.one(
        region, "lake-replication", "Custom::LakeReplication"
    ).properties["Rules"]
    return found


@pytest.mark.parametrize("region", REGIONS)
def test_lake_sends_to_every_other_one_by_a_rule_of_its_own_priority(region: str, prod: Assembly) -> None:
    others = [other for other in REGIONS if other != region]
    assert [(rule["Destination"], rule["Prefix"]) for rule in rules(prod, region)] == [
        (f"arn:aws:s3:::richesreach-prod-lake-111111111111-{other}", f"{zone}/")
        for other in others
        for zone in ("raw", "processed", "curated", "metadata")
    ]
    assert [rule["Priority"] for rule in rules(prod, region)] == list(range(1, 9))
    assert len({rule["Id"] for rule in rules(prod, region)}) == 8


def test_state_of_one_region_is_not_sent_and_all_else_that_services_write_is(prod: Assembly) -> None:
    replicated = tuple({rule["Prefix"] for rule in rules(prod, HOME)})
    written = {f"{prefix}/" for each in load_manifests() for prefix in each.lake_prefixes}
    assert {prefix for prefix in written if not prefix.startswith(replicated)} == {"state/stream/"}


def test_replica_is_encrypted_with_the_key_of_its_own_region(prod: Assembly) -> None:
    ireland, *_, singapore = rules(prod, HOME)
    assert ireland["KeyArn"]["Fn::GetStackOutput"]["StackName"] == "richesreach-prod-eu-west-1-datalake"
    assert singapore["KeyArn"]["Fn::GetStackOutput"]["Region"] == "ap-southeast-1"


@pytest.mark.parametrize("region", REGIONS)
def test_replication_comes_after_every_lake(region: str, prod: Assembly) -> None:
    before = prod.depends(prod.stack_id(region, "lake-replication"))
    assert {prod.stack_id(other, "datalake") for other in REGIONS} <= before


def test_one_region_replicates_nowhere(single: Assembly) -> None:
    assert single.regions("lake-replication") == []


def test_chosen_destination_receives_and_does_not_send_to_itself(optioned: Assembly) -> None:
    assert sorted(optioned.regions("lake-replication")) == ["ap-southeast-1", HOME]
    (rule,) = rules(optioned, HOME)
    assert (rule["Prefix"], rule["TimeControl"], rule["DeleteMarkers"]) == ("curated/", True, True)


def replication_policy(assembly: Assembly) -> list[dict[str, Any]]:
    name = f"richesreach-prod-{HOME}-lake-replication"
    found = assembly.one(HOME, "lake-replication", "AWS::IAM::ManagedPolicy", ManagedPolicyName=name)
    statements: list[dict[str, Any]] = found.properties["PolicyDocument"]["Statement"]
    return statements


def test_replication_reads_its_own_lake_and_writes_the_others(prod: Assembly) -> None:
    statements = replication_policy(prod)
    other = BUCKET.replace(HOME, "eu-west-1")
    assert allows(statements, "s3:GetObjectVersionForReplication", f"{BUCKET}/raw/a")
    assert allows(statements, "s3:ReplicateObject", f"{other}/raw/a")
    assert not allows(statements, "s3:ReplicateObject", f"{BUCKET}/raw/a")
    assert not allows(statements, "s3:GetObjectVersionForReplication", f"{other}/raw/a")
    assert not allows(statements, "s3:ReplicateDelete", f"{other}/raw/a")


def test_replication_of_a_prefix_reaches_nothing_beside_it(optioned: Assembly) -> None:
    statements = replication_policy(optioned)
    other = BUCKET.replace(HOME, "eu-west-1")
    assert allows(statements, "s3:ReplicateDelete", f"{other}/curated/a")
    assert not allows(statements, "s3:ReplicateObject", f"{other}/raw/a")
    assert allows(statements, "s3:GetObjectRetention", f"{BUCKET}/curated/a")


def test_replication_uses_each_key_in_the_context_of_its_bucket(prod: Assembly) -> None:
    keys = [s for s in replication_policy(prod) if any(a.startswith("kms:") for a in listed(s["Action"]))]
    contexts = {s["Condition"]["StringEquals"]["kms:EncryptionContext:aws:s3:arn"] for s in keys}
    assert contexts == {BUCKET.replace(HOME, region) for region in REGIONS}
