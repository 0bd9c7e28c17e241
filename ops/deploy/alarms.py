"""The gate between waves: alarms of a region that say its users suffer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.deploy.asking import Account, asking
from stacks.environment import Environment

#: Seconds between two looks during a bake.
LOOK = 5.0

_RUNBOOK = re.compile(r"Runbook: (\S+)")
_PAGE = "Severity: page"
_TICKET = "Severity: ticket"


@dataclass(frozen=True)
class Alarm:
    """One in ALARM, with CloudWatch's reason and the address of its runbook."""

    name: str
    region: str
    reason: str
    runbook: str

    def __str__(self) -> str:
        read = f"; runbook: {self.runbook}" if self.runbook else ""
        return f"{self.name} in {self.region} is in ALARM: {self.reason or 'no reason given'}{read}"


class Gate:
    """Reads the environment's alarms.

    Those count that wake somebody (their description says ``Severity: page``), and composite ones, which sum
    up a service or a region, unless a ticket is all they make. One that lacks data says nothing.
    """

    def __init__(self, account: Account, environment: Environment, despite: Collection[str] = ()) -> None:
        self.account = account
        self.environment = environment
        self.despite = frozenset(despite)

    def watched(self, region: str) -> int:
        """How many alarms count there."""
        return sum(1 for _ in self._counting(region))

    def firing(self, regions: Iterable[str]) -> list[Alarm]:
        """Those in ALARM now, without those that were said not to count."""
        return [
            Alarm(alarm["AlarmName"], region, alarm.get("StateReason", ""), _runbook(alarm))
            for region in regions
            for alarm in self._counting(region, StateValue="ALARM")
            if alarm["AlarmName"] not in self.despite
        ]

    def bake(
        self,
        regions: Collection[str],
        seconds: float,
        tick: Callable[[float], None] = lambda left: None,
        look: float = LOOK,
    ) -> list[Alarm]:
        """Looks until the time is over or one fires. However short the time, it looks once at its end.

        ``tick`` is told the seconds left before each look.
        """
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            tick(max(left, 0))
            firing = self.firing(regions)
            if firing or left <= 0:
                return firing
            time.sleep(min(look, left))

    def _counting(self, region: str, **only: str) -> Iterable[Mapping[str, Any]]:
        cloudwatch = self.account.client("cloudwatch", region)
        with asking(self.environment.name, f"the alarms of {region} cannot be read"):
            pages = cloudwatch.get_paginator("describe_alarms").paginate(
                AlarmNamePrefix=f"{self.environment.names.prefix}-",
                AlarmTypes=["CompositeAlarm", "MetricAlarm"],
                **only,
            )
            for page in pages:
                for alarm in page.get("CompositeAlarms", []):
                    if _TICKET not in alarm.get("AlarmDescription", ""):
                        yield alarm
                for alarm in page.get("MetricAlarms", []):
                    if _PAGE in alarm.get("AlarmDescription", ""):
                        yield alarm


def _runbook(alarm: Mapping[str, Any]) -> str:
    found = _RUNBOOK.search(alarm.get("AlarmDescription", ""))
    return found[1] if found else ""
