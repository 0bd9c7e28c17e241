"""Waves of any graph of stacks, and of the platform's own."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.deploy.graph import Graph, Output
from ops.deploy.waves import Wave, waves
from ops.errors import OperationError
from ops.plan.assembly import Stack

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1", "eu-central-1")
BALANCER = {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {}}
PARAMETER = {"Type": "AWS::SSM::Parameter", "Properties": {}}


def stack(name: str, region: str, *needs: str, serving: bool = False) -> Stack:
    template = {"Resources": {"One": BALANCER if serving else PARAMETER}}
    return Stack(name, region, "111111111111", template, needs)


def graph(*stacks: Stack) -> Graph:
    return Graph({each.name: each for each in stacks})


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any graph without a circle: a stack needs only such as come before it."""
    count = draw(st.integers(1, 14))
    made = []
    for number in range(count):
        needs = draw(st.sets(st.integers(0, number - 1), max_size=4)) if number else set()
        region, serving = draw(st.sampled_from(REGIONS)), draw(st.booleans())
        made.append(stack(f"s{number}", region, *(f"s{each}" for each in sorted(needs)), serving=serving))
    return graph(*draw(st.permutations(made)))


@settings(deadline=None)
@given(graphs(), st.data())
def test_every_chosen_stack_comes_once_after_what_it_needs_in_waves_of_one_region(
    made: Graph, data: st.DataObject
) -> None:
    chosen = data.draw(st.sets(st.sampled_from(sorted(made.stacks)), min_size=1))
    found = waves(made, chosen, REGIONS[:2])
    order = [name for wave in found for name in wave.stacks]
    assert sorted(order) == sorted(chosen)
    for wave in found:
        assert {made.stacks[name].region for name in wave.stacks} == {wave.region}
    for place, name in enumerate(order):
        assert not made.ancestors[name] & set(order[place:])


@settings(deadline=None)
@given(graphs())
def test_same_stacks_give_the_same_waves_in_whatever_order_they_were_chosen(made: Graph) -> None:
    assert waves(made, list(made.stacks), REGIONS) == waves(made, sorted(made.stacks), REGIONS)


@settings(deadline=None)
@given(graphs())
def test_no_two_waves_in_a_row_are_of_one_region(made: Graph) -> None:
    found = [wave.region for wave in waves(made, made.stacks, REGIONS)]
    assert all(before != after for before, after in pairwise(found))


@settings(deadline=None)
@given(graphs())
def test_writer_region_serves_before_others_wherever_the_graph_leaves_the_choice(made: Graph) -> None:
    order = [name for wave in waves(made, made.stacks, REGIONS) for name in wave.stacks]
    serving = [name for name in order if made.serves(name)]
    writers = {name for name in serving if made.stacks[name].region == REGIONS[0]}
    if writers and not any(made.ancestors[name] for name in serving):
        assert set(serving[: len(writers)]) == writers


def test_region_that_gains_by_waiting_is_begun_later() -> None:
    made = graph(
        stack("one", "eu-west-1"),
        stack("other", "us-east-1"),
        stack("both", "us-east-1", "one", "other"),
    )
    assert waves(made, made.stacks, ["us-east-1"]) == [
        Wave("eu-west-1", ("one",)),
        Wave("us-east-1", ("other", "both")),
    ]


def test_what_is_not_chosen_counts_as_deployed() -> None:
    made = graph(stack("network", "us-east-1"), stack("service", "us-east-1", "network"))
    assert waves(made, ["service"], REGIONS) == [Wave("us-east-1", ("service",))]


def test_order_holds_through_stacks_that_are_not_deployed() -> None:
    made = graph(stack("a", "us-east-1"), stack("b", "eu-west-1", "a"), stack("c", "ap-southeast-1", "b"))
    assert [wave.region for wave in waves(made, ["c", "a"], REGIONS)] == ["us-east-1", "ap-southeast-1"]


def test_weak_reference_is_a_dependency_that_the_manifest_need_not_name() -> None:
    template: Mapping[str, object] = {
        "Resources": {
            "Reader": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {"Value": {"Fn::GetStackOutput": {"StackName": "made", "OutputName": "Arn"}}},
            }
        }
    }
    made = graph(Stack("reads", "us-east-1", "1", template), stack("made", "eu-west-1"))
    assert made.consumers == {Output("made", "Arn"): frozenset({"reads"})}
    assert [wave.region for wave in waves(made, made.stacks, REGIONS)] == ["eu-west-1", "us-east-1"]


def test_stacks_that_need_each_other_are_named() -> None:
    made = graph(stack("a", "us-east-1", "b"), stack("b", "us-east-1", "a"))
    with pytest.raises(OperationError, match="in a circle: a, b"):
        waves(made, made.stacks, REGIONS)
