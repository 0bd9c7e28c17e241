"""Deploys one wave: its stacks side by side, each after those that it needs."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from ops.deploy import refresh
from ops.deploy.board import Board
from ops.deploy.formation import Formation
from ops.deploy.graph import Graph
from ops.deploy.one_stack import Deployer, Kind, Outcome
from ops.deploy.record import Record
from ops.deploy.waves import Wave

_LOOK = 0.5


@dataclass
class WaveRun:
    """``work`` is everything that is still to be deployed in this run, by kind; what is done leaves it, and
    consumers of changed outputs come into it."""

    graph: Graph
    formation: Formation
    deployer: Deployer
    record: Record
    board: Board
    work: dict[str, Kind]
    concurrency: int
    failed: list[Outcome] = field(default_factory=list)
    _waiting: list[str] = field(default_factory=list)
    _running: dict[Future[Outcome], str] = field(default_factory=dict)

    def run(self, wave: Wave) -> list[Outcome]:
        """Gives what failed. After a failure nothing more is begun, and what runs is waited for."""
        self._waiting, self.failed = list(wave.stacks), []
        with ThreadPoolExecutor(self.concurrency) as pool:
            try:
                while self._running or (self._waiting and not self.failed):
                    self._begin(pool)
                    done, _ = wait(self._running, timeout=_LOOK, return_when=FIRST_COMPLETED)
                    for future in done:
                        self._end(self._running.pop(future), future.result(), wave.region)
            except BaseException:
                self.deployer.stop()
                raise
        return self.failed

    def _begin(self, pool: ThreadPoolExecutor) -> None:
        busy = {*self._waiting, *self._running.values()}
        for name in list(self._waiting):
            if self.failed or len(self._running) >= self.concurrency:
                return
            if not self.graph.ancestors[name] & busy:
                self._waiting.remove(name)
                self._running[pool.submit(self._deploy, name)] = name

    def _deploy(self, name: str) -> Outcome:
        """In a thread of the pool."""
        region, kind = self.graph.stacks[name].region, self.work[name]
        before = refresh.read_outputs(self.graph, self.formation.state(name, region), name)
        self.record.say("stack-started", stack=name, region=region, kind=kind, outputs=before)
        self.board.began(name, kind)
        return self.deployer.deploy(name, region, kind)

    def _end(self, name: str, outcome: Outcome, region: str) -> None:
        kind, seconds = self.work[name], round(outcome.seconds, 1)
        self.board.ended(outcome)
        if outcome.reason:
            self.failed.append(outcome)
            self.record.say("stack-failed", stack=name, kind=kind, seconds=seconds, reason=outcome.reason)
            return
        del self.work[name]
        self._owe(name, region)
        self.record.say("stack-finished", stack=name, kind=kind, seconds=seconds)

    def _owe(self, name: str, region: str) -> None:
        """Takes in the consumers of what changed: into this wave where all that they need is done."""
        started = [
            event
            for event in self.record.events
            if event["event"] == "stack-started" and event["stack"] == name
        ]
        after = refresh.read_outputs(
            self.graph, self.formation.state(name, self.graph.stacks[name].region), name
        )
        changed = refresh.readers(self.graph, name, started[-1]["outputs"], after)
        for consumer in sorted(changed - self.work.keys()):
            where = self.graph.stacks[consumer].region
            if self.formation.state(consumer, where) is None:
                continue
            self.record.say("owed", stack=consumer, because=name)
            self.board.line(f"  {consumer} reads what changed in {name}: it is updated too")
            self.work[consumer] = Kind.REFRESH
            here = {*self._waiting, *self._running.values(), consumer}
            if where == region and not self.graph.ancestors[consumer] & (self.work.keys() - here):
                self._waiting.append(consumer)
