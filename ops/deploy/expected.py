"""How long a stack may take: as it last did, else a figure by area."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence, Set

from ops.deploy.graph import Graph
from ops.deploy.one_stack import Kind
from ops.deploy.record import outcomes
from ops.deploy.store import Store
from ops.deploy.waves import Wave
from ops.plan.assembly import area_of

#: Runs that are read back.
RUNS = 10

#: Seconds for planning where nothing was recorded yet: round figures for AWS, no measurements. The first
#: recorded run takes their place.
DEFAULTS: Mapping[str, Mapping[Kind, int]] = {
    "dns": {Kind.CREATE: 120, Kind.UPDATE: 90},
    "ecs": {Kind.CREATE: 600, Kind.UPDATE: 900},
    "edge": {Kind.CREATE: 600, Kind.UPDATE: 420},
    "edge-state": {Kind.CREATE: 180, Kind.UPDATE: 60},
    "global-db": {Kind.CREATE: 2400, Kind.UPDATE: 600},
    "network": {Kind.CREATE: 300, Kind.UPDATE: 90},
}
DEFAULT: Mapping[Kind, int] = {Kind.CREATE: 120, Kind.UPDATE: 60}


class Expected:
    """Seconds by stack and kind; ``recorded`` is what earlier runs took."""

    def __init__(self, graph: Graph, recorded: Mapping[tuple[str, str], float]) -> None:
        self.graph = graph
        self.recorded = recorded

    def seconds(self, stack: str, kind: Kind) -> float:
        """A refresh is an update that changes little."""
        for key in ((stack, kind), (stack, Kind.UPDATE if kind is Kind.REFRESH else kind)):
            if key in self.recorded:
                return self.recorded[key]
        area = area_of(stack, self.graph.stacks[stack].region)
        return float(DEFAULTS.get(area, DEFAULT)[Kind.CREATE if kind is Kind.CREATE else Kind.UPDATE])

    def known(self, stack: str, kind: Kind) -> bool:
        """Whether it comes from a run."""
        return (stack, kind) in self.recorded

    def wave(self, wave: Wave, kinds: Mapping[str, Kind], concurrency: int) -> float:
        """Seconds from the wave's start to the end of its last stack, so many at a time."""
        ends: dict[str, float] = {}
        free = [0.0] * concurrency
        waiting = list(wave.stacks)
        while waiting:
            name = min(waiting, key=lambda each: _after(self.graph, each, ends, waiting))
            waiting.remove(name)
            begin = max(heapq.heappop(free), _after(self.graph, name, ends, waiting))
            ends[name] = begin + self.seconds(name, kinds[name])
            heapq.heappush(free, ends[name])
        return max(ends.values(), default=0.0)


def _after(graph: Graph, name: str, ends: Mapping[str, float], waiting: Sequence[str]) -> float:
    """When the stacks that it needs are done; never, while one of them waits itself."""
    needs: Set[str] = graph.ancestors[name]
    if needs & set(waiting):
        return float("inf")
    return max((ends[each] for each in needs if each in ends), default=0.0)


def read(graph: Graph, store: Store) -> Expected:
    """From the newest runs; the newest figure of a stack and kind counts."""
    found: dict[tuple[str, str], float] = {}
    for run in store.runs(RUNS):
        for event in reversed(outcomes(store.read(run), "stack-finished")):
            found.setdefault((str(event["stack"]), str(event["kind"])), float(event["seconds"]))
    return Expected(graph, found)
