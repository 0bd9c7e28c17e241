"""What stands on what, of stacks that the working tree no longer makes; and who must be asked."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from ops.destroy.command import Destruction, Options
from ops.destroy.order import check_unused, dependents, deployed_graph
from ops.errors import OperationError
from ops.plan.assembly import Stack

RETAINED = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {}}


def stack(region: str, area: str, *needs: str, reads: str = "") -> Stack:
    value = {"Fn::GetStackOutput": {"StackName": reads, "OutputName": "Arn"}} if reads else "plain"
    template = {"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": value}}}}
    return Stack(name(region, area), region, "111111111111", template, needs)


def name(region: str, area: str) -> str:
    return f"richesreach-prod-{region}-{area}"


def listed(*stacks: Stack) -> dict[str, Stack]:
    return {each.name: each for each in stacks}


def test_region_that_left_comes_down_in_the_order_of_one_that_stays() -> None:
    stays, left = "eu-west-1", "eu-central-1"
    made = listed(stack(stays, "boundary"), stack(stays, "ecs", name(stays, "boundary")))
    deployed = listed(*made.values(), stack(left, "boundary"), stack(left, "ecs"))
    graph = deployed_graph(deployed, made)
    gone = {name(left, "boundary"), name(left, "ecs")}
    assert dependents(graph, gone) == {
        name(left, "boundary"): frozenset({name(left, "ecs")}),
        name(left, "ecs"): frozenset(),
    }


def test_stack_that_another_still_reads_is_not_taken_from_under_it() -> None:
    network = stack("eu-west-1", "network")
    deployed = listed(network, stack("us-east-1", "edge", reads=network.name))
    with pytest.raises(OperationError, match=f"{name('us-east-1', 'edge')} reads {network.name}"):
        check_unused(deployed_graph(deployed, {}), {network.name})


def test_protected_environment_keeps_what_holds_state_whatever_is_typed() -> None:
    console = Console(file=io.StringIO())
    destruction = Destruction(console, Options("prod", yes="prod", assembly=Path("unused")))
    held = Stack(name("us-east-1", "datalake"), "us-east-1", "1", {"Resources": {"Lake": RETAINED}})
    with pytest.raises(OperationError, match=r"environments/prod\.yaml has protect: true"):
        destruction._ask(deployed_graph(listed(held), {}), {held.name})
    stateless = stack("us-east-1", "monitoring")
    destruction._ask(deployed_graph(listed(stateless), {}), {stateless.name})
