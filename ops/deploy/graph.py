"""What the stacks of an assembly need of each other: dependencies, weak references, who serves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ops.errors import OperationError
from ops.plan.assembly import Stack

#: What answers users. A region is at risk while a stack with one of these is deployed there.
SERVING = frozenset(
    {
        "AWS::CloudFront::Distribution",
        "AWS::ECS::Service",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
    }
)

_WEAK = "Fn::GetStackOutput"


@dataclass(frozen=True, order=True)
class Output:
    """An output that another stack reads by ``Fn::GetStackOutput``."""

    stack: str
    name: str


@dataclass(frozen=True)
class Graph:
    """Stacks by name, in the order of the assembly."""

    stacks: Mapping[str, Stack]

    @cached_property
    def reads(self) -> Mapping[str, frozenset[Output]]:
        """Outputs of other stacks that each stack reads."""
        return {name: frozenset(_reads(stack.template)) for name, stack in self.stacks.items()}

    @cached_property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """Stacks that must be deployed before each stack, directly: the manifest's and the weak ones."""
        return {
            name: frozenset(
                {*stack.dependencies, *(output.stack for output in self.reads[name])}
                & self.stacks.keys() - {name}
            )
            for name, stack in self.stacks.items()
        }

    @cached_property
    def ancestors(self) -> Mapping[str, frozenset[str]]:
        """Every stack that must be deployed before each stack.

        Raises:
            OperationError: stacks need each other in a circle.
        """
        return _closure(self.needs)

    @cached_property
    def consumers(self) -> Mapping[Output, frozenset[str]]:
        """Stacks that read each output."""
        found: dict[Output, set[str]] = defaultdict(set)
        for name, outputs in self.reads.items():
            for output in outputs:
                found[output].add(name)
        return {output: frozenset(names) for output, names in found.items()}

    def serves(self, name: str) -> bool:
        return any(resource["Type"] in SERVING for resource in self.stacks[name].resources.values())


def reads_weakly(value: Any) -> bool:
    """Whether a part of a template reads another stack's output."""
    return next(_reads(value), None) is not None


def _reads(value: Any) -> Iterator[Output]:
    if isinstance(value, Mapping):
        named = value.get(_WEAK)
        if isinstance(named, Mapping) and isinstance(named.get("StackName"), str):
            yield Output(named["StackName"].rpartition("/")[2], str(named["OutputName"]))
        for inner in value.values():
            yield from _reads(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _reads(inner)


def _closure(needs: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    waiting = {name: set(direct) for name, direct in needs.items()}
    while waiting:
        ready = [name for name, left in waiting.items() if left <= found.keys()]
        if not ready:
            raise OperationError(
                f"stacks need each other in a circle: {', '.join(sorted(waiting))}; see `make synth`"
            )
        for name in ready:
            direct = waiting.pop(name)
            found[name] = frozenset(direct).union(*(found[each] for each in direct))
    return found
