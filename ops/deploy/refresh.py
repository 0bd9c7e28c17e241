"""Consumers of changed outputs: CloudFormation resolves an output when its reader is updated, and tells
nobody when the output changes later."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from ops.deploy.formation import State
from ops.deploy.graph import Graph, Output
from ops.deploy.record import outcomes
from ops.deploy.store import Event


def read_outputs(graph: Graph, state: State | None, stack: str) -> dict[str, str]:
    """Digests of a stack's outputs that others read; values stay out of the record."""
    present = state.outputs if state else {}
    return {
        output.name: hashlib.sha256(present[output.name].encode()).hexdigest()[:16]
        for output in sorted(graph.consumers)
        if output.stack == stack and output.name in present
    }


def readers(graph: Graph, stack: str, before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Stacks that read an output which changed."""
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return {consumer for name in names for consumer in graph.consumers.get(Output(stack, name), frozenset())}


def owed(graph: Graph, events: Sequence[Event], states: Mapping[str, State]) -> dict[str, str]:
    """Consumers that an unfinished run still owes an update, each with the stack whose output changed.

    A consumer that the run deployed after the producer has the new value: it always comes after it.
    """
    done = {str(event["stack"]) for event in outcomes(events, "stack-finished")}
    found: dict[str, str] = {}
    for event in outcomes(events, "stack-started"):
        producer = str(event["stack"])
        after = read_outputs(graph, states.get(producer), producer)
        for consumer in readers(graph, producer, event.get("outputs", {}), after) - done:
            found[consumer] = producer
    for event in outcomes(events, "owed"):
        found.update({str(event["stack"]): str(event["because"])} if event["stack"] not in done else {})
    return deployed_only(found, states)


def deployed_only(consumers: Mapping[str, str], states: Iterable[str]) -> dict[str, str]:
    """A stack that is not deployed reads nothing yet."""
    present = set(states)
    return {name: because for name, because in sorted(consumers.items()) if name in present}
