"""The targets of a load balancer: probed as their group says, chosen in turn, reported to a file."""

import asyncio
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import aiohttp

from ops.local.edge.balancer_config import Target, TargetGroup
from ops.local.edge.log import log
from ops.local.edge.probe import InvalidMatcherError, Probe, Thresholds

State = Literal["initial", "healthy", "unhealthy", "draining"]

FIRST_SPACING = 0.5
"""Seconds between probes of a target that was never healthy; ELB's own first probes are quicker too."""


class NoTargetError(Exception):
    """No target of the group can take a request; the message says why."""


class Monitor:
    """Probes one target for as long as it is registered."""

    def __init__(self, group: TargetGroup, target: Target, state: State = "initial") -> None:
        self.group = group
        self.target = target
        self.state: State = state
        self.reason = "not probed yet"
        self.in_flight = 0
        self.drains_until = 0.0
        self._thresholds = Thresholds(1, group.check.unhealthy, well=False)
        self._failures = 0
        self._seen_healthy = False

    async def probe(self, session: aiohttp.ClientSession) -> None:
        """One probe; changes state and reason."""
        check = self.group.check
        try:
            port = check.port_of(self.target.port)
            probe = Probe(self.target.id, port, check.path, check.timeout, check.matcher, check.scheme)
            self.note(await probe.run(session))
        except (InvalidMatcherError, ValueError) as error:
            self.note(str(error))

    def note(self, failure: str) -> None:
        """Take a probe's result into account: one good probe is enough at first, then thresholds apply."""
        if self.state == "draining":
            return
        before = self.state
        well = self._thresholds.note(not failure)
        if well and not self._seen_healthy:
            self._seen_healthy = True
            self._thresholds = Thresholds(self.group.check.healthy, self.group.check.unhealthy, well=True)
        self._failures = self._failures + 1 if failure else 0
        if well:
            self.state = "healthy"
        elif self._seen_healthy or self._failures >= self.group.check.unhealthy:
            self.state = "unhealthy"
        self.reason = "" if well else failure or self.reason
        if self.state != before:
            place = f"{self.target.id}:{self.target.port}"
            log("target", group=self.group.name, target=place, state=self.state, reason=self.reason)

    @property
    def spacing(self) -> float:
        """Seconds until the next probe."""
        return (
            self.group.check.interval if self._seen_healthy else min(FIRST_SPACING, self.group.check.interval)
        )

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Counts a request under way, which a deregistered target may finish."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1


Key = tuple[str, Target]


class Targets:
    """All targets of one load balancer. `report` is the file that tells the other processes."""

    def __init__(self, session: aiohttp.ClientSession, report: Path) -> None:
        self._session = session
        self._report = report
        self._written = ""
        self._monitors: dict[Key, Monitor] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._turns: dict[str, itertools.count[int]] = {}
        self._groups: list[str] = []

    def apply(self, groups: Mapping[str, TargetGroup]) -> None:
        """Be as configured: probe what is new, drain what is gone, forget what is drained. Safe to repeat."""
        wanted = {(arn, target): group for arn, group in groups.items() for target in group.targets}
        self._groups = sorted(groups)
        for key, group in wanted.items():
            known = self._monitors.get(key)
            if known is None or known.state == "draining":
                self._begin(key, group, "initial")
            elif known.group.check != group.check:
                # A changed check starts anew, but a target stays as it was until the new check has decided.
                self._begin(key, group, known.state)
            else:
                known.group = group
        for key in set(self._monitors) - set(wanted):
            self._drain(key)
        self.write()

    def _begin(self, key: Key, group: TargetGroup, state: State) -> None:
        if key in self._tasks:
            self._tasks.pop(key).cancel()
        monitor = self._monitors[key] = Monitor(group, key[1], state)
        self._tasks[key] = asyncio.create_task(self._watch(monitor))

    def _drain(self, key: Key) -> None:
        monitor = self._monitors[key]
        now = asyncio.get_running_loop().time()
        if monitor.state != "draining":
            self._tasks.pop(key).cancel()
            monitor.state, monitor.reason = "draining", "deregistered"
            monitor.drains_until = now + monitor.group.deregistration_delay
        if monitor.in_flight == 0 or now >= monitor.drains_until:
            del self._monitors[key]

    async def _watch(self, monitor: Monitor) -> None:
        while True:
            await monitor.probe(self._session)
            self.write()
            await asyncio.sleep(monitor.spacing)

    def pick(self, arn: str, tried: Iterable[Monitor] = ()) -> Monitor:
        """The next healthy target of a group, in turn. Raises NoTargetError."""
        skipped = set(tried)
        members = [monitor for (group, _), monitor in self._monitors.items() if group == arn]
        healthy = [m for m in members if m.state == "healthy" and m not in skipped]
        if healthy:
            return healthy[next(self._turns.setdefault(arn, itertools.count())) % len(healthy)]
        name = arn.split("/")[-2] if arn.count("/") >= 2 else arn or "(none)"
        if not members:
            raise NoTargetError(f"target group {name} has no registered targets")
        states = "; ".join(f"{m.target.id}:{m.target.port} {m.state}: {m.reason}" for m in members)
        raise NoTargetError(f"target group {name} has no healthy target: {states}")

    def write(self) -> None:
        """Write the report when it changed, whole or not at all."""
        report: dict[str, list[dict[str, str | int]]] = {arn: [] for arn in self._groups}
        for (arn, target), monitor in sorted(self._monitors.items(), key=lambda item: item[0]):
            entry: dict[str, str | int] = {
                "id": target.id,
                "port": target.port,
                "state": monitor.state,
                "reason": monitor.reason,
            }
            report.setdefault(arn, []).append(entry)
        text = json.dumps(report, indent=1)
        if text == self._written:
            return
        self._report.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._report.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(text)
        temporary.replace(self._report)
        self._written = text

    def stop(self) -> None:
        """Probe no more."""
        for task in self._tasks.values():
            task.cancel()
