"""What CloudFormation would do with each resource."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.plan.changes import Change, Effect, between
from tests.ops.plan.templates import resource, stack

BUCKET = "AWS::S3::Bucket"


def only(before: dict[str, Any], after: dict[str, Any]) -> Change:
    (change,) = between(stack(before), stack(after))
    return change


def test_same_templates_have_no_change() -> None:
    made = {"Lake": resource(BUCKET, "Lake", BucketName="lake")}
    assert between(stack(made), stack(made)) == []


def test_dependencies_and_metadata_are_no_change() -> None:
    before = {"Lake": resource(BUCKET, BucketName="lake")}
    after = {"Lake": before["Lake"] | {"DependsOn": ["Key"], "Metadata": {"aws:asset:path": "x"}}}
    assert between(stack(before), stack(after)) == []


def test_property_that_cloudformation_cannot_change_replaces_the_resource() -> None:
    change = only(
        {"Lake": resource(BUCKET, "Lake/Bucket", BucketName="old")},
        {"Lake": resource(BUCKET, "Lake/Bucket", BucketName="new")},
    )
    assert change.effect is Effect.REPLACED
    assert change.construct == "Lake/Bucket"
    assert str(change.properties[0]) == 'BucketName: "old" → "new"'
    assert change.stateful
    assert change.needs_yes


def test_property_that_it_can_change_updates_the_resource() -> None:
    change = only(
        {"Lake": resource(BUCKET, Tags=[{"Key": "team", "Value": "a"}])},
        {"Lake": resource(BUCKET, Tags=[{"Key": "team", "Value": "b"}])},
    )
    assert change.effect is Effect.UPDATED
    assert change.properties[0].path == ("Tags", "0", "Value")
    assert not change.needs_yes


def test_property_that_replaces_only_sometimes_needs_a_yes_too() -> None:
    kind = "AWS::RDS::DBCluster"
    change = only(
        {"Db": resource(kind, Engine="aurora-mysql")}, {"Db": resource(kind, Engine="aurora-postgresql")}
    )
    assert change.effect is Effect.MAY_BE_REPLACED
    assert change.needs_yes


def test_another_type_under_the_same_id_is_a_replacement() -> None:
    change = only({"It": resource("AWS::SQS::Queue")}, {"It": resource("AWS::SNS::Topic")})
    assert change.effect is Effect.REPLACED


@pytest.mark.parametrize(("policy", "kept"), [("Retain", True), ("Snapshot", True), ("Delete", False)])
def test_removed_resource_is_kept_as_its_deployed_policy_says(policy: str, kept: bool) -> None:
    change = only({"Lake": resource(BUCKET) | {"DeletionPolicy": policy}}, {})
    assert change.effect is Effect.REMOVED
    assert change.kept is kept
    assert change.needs_yes


def test_a_weaker_deletion_policy_is_a_change() -> None:
    change = only(
        {"Lake": resource(BUCKET) | {"DeletionPolicy": "Retain"}},
        {"Lake": resource(BUCKET) | {"DeletionPolicy": "Delete"}},
    )
    assert change.effect is Effect.UPDATED
    assert change.properties[0].path == ("DeletionPolicy",)


def test_what_names_a_replaced_resource_where_it_cannot_change_is_replaced_too() -> None:
    def network(block: str) -> dict[str, Any]:
        return {
            "Vpc": resource("AWS::EC2::VPC", CidrBlock=block),
            "Subnet": resource("AWS::EC2::Subnet", VpcId={"Ref": "Vpc"}, AvailabilityZone="a"),
            "Group": resource(
                "AWS::RDS::DBSubnetGroup", DBSubnetGroupDescription="d", SubnetIds=[{"Ref": "Subnet"}]
            ),
        }

    changes = {
        each.logical_id: each
        for each in between(stack(network("10.0.0.0/16")), stack(network("10.1.0.0/16")))
    }
    assert changes["Subnet"].effect is Effect.REPLACED
    assert changes["Subnet"].because == "it names Vpc, which is replaced"
    assert changes["Subnet"].needs_yes
    assert "Group" not in changes  # its subnets may change in place


def test_stack_that_is_new_adds_and_one_that_is_gone_removes_everything() -> None:
    made = stack({"Queue": resource("AWS::SQS::Queue"), "Topic": resource("AWS::SNS::Topic")})
    assert {each.effect for each in between(None, made)} == {Effect.ADDED}
    assert {each.effect for each in between(made, None)} == {Effect.REMOVED}


_VALUES = st.one_of(
    st.integers(0, 2),
    st.sampled_from(["a", "b"]),
    st.lists(st.integers(0, 2), max_size=2),
    st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 2)),
)
_PROPERTIES = st.dictionaries(st.sampled_from(["Tags", "VersioningConfiguration", "BucketName"]), _VALUES)


@given(_PROPERTIES, _PROPERTIES)
def test_a_change_is_found_exactly_where_properties_differ(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = between(stack({"Lake": resource(BUCKET, **old)}), stack({"Lake": resource(BUCKET, **new)}))
    back = between(stack({"Lake": resource(BUCKET, **new)}), stack({"Lake": resource(BUCKET, **old)}))
    assert bool(found) == (old != new) == bool(back)
    assert [each.effect for each in found] == [each.effect for each in back]
    replaced = old.get("BucketName") != new.get("BucketName") or ("BucketName" in old) != (
        "BucketName" in new
    )
    if found:
        assert (found[0].effect is Effect.REPLACED) == replaced
