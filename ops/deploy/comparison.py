"""What there is, what there should be, and what has to be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

from ops.deploy import selection
from ops.deploy.asking import asking
from ops.deploy.formation import Formation, State
from ops.deploy.graph import Graph
from ops.deploy.one_stack import Kind
from ops.plan import deployed, fingerprint
from ops.plan.assembly import Stack
from stacks.environment import Environment

Say = Callable[[str], None]


@dataclass(frozen=True)
class Comparison:
    """``chosen`` names the stacks that it is about; ``before`` and ``states`` are the deployed ones. ``work``
    is what has to be deployed, and how."""

    graph: Graph
    chosen: Set[str]
    before: Mapping[str, Stack]
    states: Mapping[str, State]
    work: dict[str, Kind]


def compare(graph: Graph, formation: Formation, say: Say, *, only: Sequence[str], wait: bool) -> Comparison:
    """``wait``: for what CloudFormation is still at work on, after a run that was killed.

    Raises:
        UsageError: ``only`` names no region and no stack.
        OperationError: CloudFormation does not answer.
    """
    chosen = selection.select(graph.stacks, only)
    if only:
        chosen = selection.with_needed(graph, chosen)
    environment = formation.environment
    with asking(environment.name, "the regions that have stacks cannot be listed"):
        states = formation.states(deployed.regions(environment, graph.stacks.values()))
    if wait:
        states = _settled(formation, states, say)
    for line in _left_over(environment, [states[name] for name in states.keys() - graph.stacks.keys()]):
        say(line)
    before = deployed.read(environment, graph.stacks.values())
    changed = set(fingerprint.changed(before, graph.stacks))
    # What failed to be made still has its template: that it is the right one means nothing.
    changed |= {name for name in graph.stacks if name in states and states[name].blocked}
    # It is in no template.
    changed |= {
        name
        for name, stack in graph.stacks.items()
        if name in states and states[name].protected != stack.protected
    }
    work = {
        name: Kind.CREATE if _is_new(states.get(name)) else Kind.UPDATE
        for name in graph.stacks
        if name in changed & chosen
    }
    return Comparison(graph, chosen, before, states, work)


def _left_over(environment: Environment, states: Sequence[State]) -> list[str]:
    """What is deployed and no longer made; a line for each region."""
    said = []
    for region in sorted({state.region for state in states}):
        names = sorted(state.name for state in states if state.region == region)
        if region in {*environment.regions, environment.dns_region}:
            mend = "destroy --env " + " --only ".join([environment.name, *names])
        else:
            mend = f"retire {region} --env {environment.name}"
        said.append(
            f"{region}: {len(names)} stacks are deployed and no longer in the environment; they are left"
            f" alone. `richesreach {mend}` removes them"
        )
    return said


def _is_new(state: State | None) -> bool:
    return state is None or state.status == "REVIEW_IN_PROGRESS"


def _settled(formation: Formation, states: Mapping[str, State], say: Say) -> dict[str, State]:
    found = dict(states)
    for name, state in states.items():
        if state.busy:
            say(f"{name} is in {state.status}: waiting for its end")
            settled = formation.settle(name, state.region)
            del found[name]
            found.update({name: settled} if settled else {})
    return found
