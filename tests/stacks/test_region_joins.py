"""What a region that joins changes in the others. A region that retires changes the same back."""

from __future__ import annotations

from collections import defaultdict

import pytest

from ops.plan import assembly
from ops.plan.changes import Change, Effect, between
from tests.stacks.assembly import Assembly

JOINED = "eu-central-1"

#: By area of the regions that were there: what comes, and what is told of the newcomer.
ADDED = {
    "network": {"AWS::EC2::NetworkAclEntry"},
    "peering": {"AWS::EC2::Route", "AWS::EC2::VPCPeeringConnection"},
    "monitoring-global": {"AWS::Budgets::Budget", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"},
}
UPDATED = {
    "boundary": {"AWS::IAM::ManagedPolicy", "AWS::KMS::Key"},
    "edge": {
        "AWS::CloudFront::Distribution",
        "AWS::CloudFront::Function",
        "AWS::IAM::ManagedPolicy",
        "AWS::Lambda::Function",
    },
    "edge-state": {"AWS::SecretsManager::Secret"},
    "global-db": {"AWS::EC2::SecurityGroup", "AWS::SecretsManager::Secret"},
    "lake-catalogue": {"AWS::Glue::Table"},
    "lake-replication": {"AWS::IAM::ManagedPolicy", "Custom::LakeReplication"},
    "monitoring": {"AWS::Synthetics::Canary"},
    "monitoring-global": {"AWS::CloudWatch::Dashboard"},
    "rotation": {"AWS::IAM::ManagedPolicy", "AWS::Lambda::Function"},
    "security": {"AWS::CloudTrail::Trail", "AWS::IAM::ManagedPolicy", "AWS::Lambda::Function"},
}


@pytest.fixture(scope="module")
def elsewhere(prod: Assembly, joined: Assembly) -> list[Change]:
    before, after = assembly.read(prod.folder), assembly.read(joined.folder)
    return [
        change
        for name in before.keys() | after.keys()
        for change in between(before.get(name), after.get(name))
        if change.region != JOINED
    ]


def test_a_region_that_joins_replaces_and_removes_nothing_elsewhere(elsewhere: list[Change]) -> None:
    assert {change.effect for change in elsewhere} == {Effect.ADDED, Effect.UPDATED}
    assert not [change for change in elsewhere if change.needs_yes]


def test_what_serves_and_what_holds_data_elsewhere_is_left_alone(elsewhere: list[Change]) -> None:
    areas: dict[Effect, defaultdict[str, set[str]]] = {
        effect: defaultdict(set) for effect in (Effect.ADDED, Effect.UPDATED)
    }
    for change in elsewhere:
        areas[change.effect][change.area].add(change.kind)
    assert areas[Effect.ADDED] == ADDED
    assert areas[Effect.UPDATED] == UPDATED


def test_a_secret_is_only_given_another_replica(elsewhere: list[Change]) -> None:
    secrets = [change for change in elsewhere if change.kind == "AWS::SecretsManager::Secret"]
    assert secrets
    assert {each.path for change in secrets for each in change.properties} == {("ReplicaRegions",)}
