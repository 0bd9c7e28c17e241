"""Regions that should be alike, and stacks that fill up."""

from ops.plan.regions import drift, headroom
from tests.ops.plan.templates import resource, stack

TWINS = ("eu-west-1", "ap-southeast-1")


def test_regions_that_differ_only_in_their_own_name_are_alike() -> None:
    stacks = [
        stack({"Q": resource("AWS::SQS::Queue", QueueName=f"work-{region}", Url=f"10.{n}.0.0")}, region)
        for n, region in enumerate(TWINS)
    ]
    assert drift(stacks, special=()) == ([], [])


def test_a_resource_that_one_region_lacks_is_named() -> None:
    stacks = [stack({"Q": resource("AWS::SQS::Queue")}, TWINS[0]), stack({}, TWINS[1])]
    (missing,), different = drift(stacks, special=())
    assert (missing.construct, missing.present, missing.absent) == ("Q", (TWINS[0],), (TWINS[1],))
    assert different == []


def test_a_property_that_differs_groups_the_regions_that_are_alike() -> None:
    sizes = {"eu-west-1": 1, "ap-southeast-1": 2, "us-east-2": 1}
    stacks = [
        stack({"Q": resource("AWS::SQS::Queue", DelaySeconds=size)}, region) for region, size in sizes.items()
    ]
    _, (different,) = drift(stacks, special=())
    assert sorted(different.variants.values()) == [("ap-southeast-1",), ("eu-west-1", "us-east-2")]


def test_a_region_with_a_role_of_its_own_may_differ() -> None:
    stacks = [stack({"Q": resource("AWS::SQS::Queue")}, TWINS[0]), stack({}, TWINS[1])]
    assert drift(stacks, special={TWINS[0]}) == ([], [])


def test_the_fullest_stack_comes_first_and_the_cdks_record_does_not_count() -> None:
    full = {f"Q{number}": resource("AWS::SQS::Queue") for number in range(3)}
    stacks = [
        stack({"Q": resource("AWS::SQS::Queue"), "M": resource("AWS::CDK::Metadata")}),
        stack(full, area="ecs"),
    ]
    assert [(each.stack.rsplit("-", 1)[1], each.resources) for each in headroom(stacks)] == [
        ("ecs", 3),
        ("data", 1),
    ]
