"""What stands on what, of stacks that are deployed: those that the working tree still makes, and others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from ops.deploy.graph import Graph
from ops.errors import OperationError
from ops.plan.assembly import Stack, area_of


def deployed_graph(deployed: Mapping[str, Stack], made: Mapping[str, Stack]) -> Graph:
    """The graph of what is deployed.

    A template says what it reads of others. That a stack comes after another for a different reason is in the
    assembly alone; a stack that is no longer in it, as of a region that was retired, stands on what the stack
    of its area stands on in a region that stays.
    """
    return Graph(
        {
            name: replace(stack, dependencies=tuple(sorted(_needs(stack, deployed, made))))
            for name, stack in deployed.items()
        }
    )


def _needs(stack: Stack, deployed: Mapping[str, Stack], made: Mapping[str, Stack]) -> set[str]:
    if stack.name in made:
        return {name for name in made[stack.name].dependencies if name in deployed}
    found: set[str] = set()
    for sister in made.values():
        if area_of(sister.name, sister.region) == area_of(stack.name, stack.region):
            here = {_moved(name, sister.region, stack.region) for name in sister.dependencies}
            found |= {name for name in here if name in deployed and name != stack.name}
    return found


def _moved(name: str, before: str, after: str) -> str:
    return name.replace(f"-{before}-", f"-{after}-")


def check_unused(graph: Graph, chosen: Collection[str]) -> None:
    """Makes sure that nothing which stays reads from what goes.

    Raises:
        OperationError: something does.
    """
    readers = {
        f"{name} reads {output.stack}"
        for name, outputs in graph.reads.items()
        if name not in chosen
        for output in outputs
        if output.stack in chosen
    }
    if readers:
        named = sorted(readers)
        more = f"; and {len(named) - 3} more" if len(named) > 3 else ""
        raise OperationError(
            f"still in use: {'; '.join(named[:3])}{more}. Take it out of the environment and deploy first"
        )


def dependents(graph: Graph, chosen: Collection[str]) -> dict[str, frozenset[str]]:
    """Stacks that must be gone before each: the chosen ones that stand on it."""
    return {name: frozenset(other for other in chosen if name in graph.ancestors[other]) for name in chosen}
