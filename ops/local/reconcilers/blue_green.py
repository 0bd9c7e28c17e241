"""Blue/green deployments as ECS does them: the rules of the load balancer move from one group to the other.

A service has two slots, its target group and the alternate one. A new revision starts in the slot that has no
traffic; when all of it is healthy the rules are moved, and the old tasks stay for the bake time. An alarm or
a failing task sends the traffic back. Amazon ECS developer guide, "Amazon ECS blue/green deployments".
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.local.reconcilers.task_process import Target

logger = logging.getLogger(__name__)

ALL, NONE = 100, 0

#: Seconds that the old tasks stay in any case: a load balancer learns of a moved rule a moment later.
SETTLE_SECONDS = 3.0


@dataclass(frozen=True)
class Balancer:
    """A load balancer entry of a service; `alternate` and `production` only where ECS moves traffic."""

    group: str
    container: str
    port: int
    alternate: str = ""
    production: str = ""
    test: str = ""

    def target(self, slot: int) -> Target:
        """What a task of a slot registers in."""
        return Target((self.group, self.alternate)[slot], self.port)


def balancers(service: Mapping[str, Any]) -> tuple[Balancer, ...]:
    """The entries of a described service."""
    blue_green = (service.get("deploymentConfiguration") or {}).get("strategy") == "BLUE_GREEN"
    found = []
    for entry in service.get("loadBalancers") or []:
        if not entry.get("targetGroupArn"):
            continue
        advanced = (entry.get("advancedConfiguration") or {}) if blue_green else {}
        found.append(
            Balancer(
                group=str(entry["targetGroupArn"]),
                container=str(entry.get("containerName", "")),
                port=int(entry.get("containerPort", 0)),
                alternate=str(advanced.get("alternateTargetGroupArn", "")),
                production=str(advanced.get("productionListenerRule", "")),
                test=str(advanced.get("testListenerRule", "")),
            )
        )
    return tuple(found)


class Shift:
    """One revision's way to the traffic."""

    def __init__(self, entries: tuple[Balancer, ...], clock: Callable[[], float]) -> None:
        self._entries = entries
        self._clock = clock
        self._moved_at: float | None = None
        self._known_alarms: frozenset[str] | None = None
        self.slot: int | None = None
        self.sent_back = ""

    @property
    def moves(self) -> bool:
        """Whether ECS moves rules for this service; else a revision replaces the old one in its group."""
        return bool(self._entries) and all(e.alternate and e.production for e in self._entries)

    def live(self, elbv2: Any) -> int:
        """The slot that has the traffic, as the first production rule says."""
        if not self.moves:
            return 0
        entry = self._entries[0]
        rule = elbv2.describe_rules(RuleArns=[entry.production])["Rules"][0]
        weights = {
            group["TargetGroupArn"]: int(group.get("Weight", 1))
            for action in rule["Actions"]
            for group in action.get("ForwardConfig", {}).get("TargetGroups", [])
        }
        return 1 if weights.get(entry.alternate, NONE) > weights.get(entry.group, NONE) else 0

    def begin(self, live: int, serving: bool, firing: Iterable[str]) -> None:
        """Choose the slot. Alarms that fire already say nothing about this revision, as on AWS."""
        if self.slot is None:
            self.slot = 1 - live if serving and self.moves else live
            self._known_alarms = frozenset(firing)

    def targets(self) -> list[Target]:
        """What the revision's tasks register in."""
        return [entry.target(self.slot or 0) for entry in self._entries]

    def fired(self, firing: Iterable[str]) -> str:
        """Why an alarm sends the revision back; empty while none does."""
        new = sorted(set(firing) - (self._known_alarms or frozenset()))
        return f"alarm {new[0]} is in ALARM" if new else ""

    def take(self, elbv2: Any) -> None:
        """Move the traffic to this revision, test traffic first."""
        self._move(elbv2, self.slot or 0)
        self._moved_at = self._clock()

    def send_back(self, elbv2: Any, live: int, why: str) -> None:
        """Move the traffic back where it is here already; the revision is not started again."""
        if live == self.slot:
            self._move(elbv2, 1 - live)
        self.sent_back = f"sent back to the previous revision: {why}"

    def left_to_bake(self, bake: float) -> float:
        """Seconds that the old tasks stay; 0 when they may go."""
        if self._moved_at is None:
            return 0.0
        return max(0.0, self._moved_at + max(bake, SETTLE_SECONDS) - self._clock())

    def _move(self, elbv2: Any, slot: int) -> None:
        for entry in self._entries:
            weights = (NONE, ALL) if slot else (ALL, NONE)
            groups = [
                {"TargetGroupArn": arn, "Weight": weight}
                for arn, weight in zip((entry.group, entry.alternate), weights, strict=True)
            ]
            action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
            for rule in filter(None, (entry.test, entry.production)):
                elbv2.modify_rule(RuleArn=rule, Actions=[action])
            logger.info("traffic moved to %s", (entry.group, entry.alternate)[slot])


def firing(cloudwatch: Any, alarms: tuple[str, ...]) -> list[str]:
    """Those of a service's deployment alarms that are in ALARM."""
    if not alarms:
        return []
    found = cloudwatch.describe_alarms(AlarmNames=list(alarms), StateValue="ALARM")
    return [str(alarm["AlarmName"]) for alarm in found["MetricAlarms"]]
