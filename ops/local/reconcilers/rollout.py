"""One ECS service: as many healthy tasks of its newest revision as it wants, without a gap in between.

A new revision starts beside the old one, which serves until the new one is healthy: in the same target group
where the service deploys rolling, in the alternate one where it deploys blue/green. One that does not become
healthy makes the service `failing`, with the reason, and is tried again, later each time; the old one stays.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.local.keeper import Backoff
from ops.local.reconcilers.addresses import Addresses
from ops.local.reconcilers.blue_green import SETTLE_SECONDS, Balancer, Shift, balancers, firing
from ops.local.reconcilers.secrets import SecretError
from ops.local.reconcilers.service_connect import ALONE, Connected, connected
from ops.local.reconcilers.target_health import TargetHealth
from ops.local.reconcilers.task_process import TaskProcess
from ops.local.reconcilers.tasks import Host, Plan, TaskError, plan
from ops.local.state import ServiceState

EXITS_THAT_FAIL = 3


@dataclass(frozen=True)
class Patience:
    """Seconds: until an unhealthy revision counts as failing, and until an unhealthy task is replaced."""

    failing: float = 20.0
    replace: float = 60.0


@dataclass(frozen=True)
class Wanted:
    """A service as the ECS API describes it."""

    region: str
    cluster: str
    name: str
    revision: str
    task_definition: str
    desired: int
    balancers: tuple[Balancer, ...]
    bake: float = 0.0
    """Seconds that old tasks stay after the traffic has moved."""
    alarms: tuple[str, ...] = ()
    connected: Connected = ALONE


def wanted(region: str, cluster: str, service: Mapping[str, Any]) -> Wanted:
    """The part of a described service that decides what runs; a forced deployment is a revision too."""
    deployments: list[Mapping[str, Any]] = service.get("deployments") or []
    primary = next((d for d in deployments if d.get("status") == "PRIMARY"), {})
    deployment: Mapping[str, Any] = service.get("deploymentConfiguration") or {}
    alarms: Mapping[str, Any] = deployment.get("alarms") or {}
    return Wanted(
        region=region,
        cluster=cluster,
        name=str(service["serviceName"]),
        revision=f"{service['taskDefinition']}#{primary.get('id', '')}",
        task_definition=str(service["taskDefinition"]),
        desired=int(service.get("desiredCount", 0)),
        balancers=balancers(service),
        bake=60.0 * float(deployment.get("bakeTimeInMinutes") or 0),
        connected=connected(primary),
        alarms=tuple(alarms.get("alarmNames") or ()) if alarms.get("enable") else (),
    )


class Service:
    """The tasks of one service, over all its revisions."""

    def __init__(
        self,
        host: Host,
        addresses: Addresses,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._addresses = addresses
        self._patience = patience or Patience()
        self._clock = clock
        self.tasks: list[TaskProcess] = []
        self.problem = ""
        self._revision = ""
        self._plan: Plan | None = None
        self._shift = Shift((), clock)
        self._backoff = Backoff(first=1.0, longest=10.0)
        self._due = 0.0

    def reconcile(
        self,
        want: Wanted,
        definition: Mapping[str, Any],
        health: TargetHealth,
        names: Mapping[str, str] | None = None,
    ) -> ServiceState:
        """One pass for the service as it is wanted now; a new revision knows these neighbours by `names`."""
        elbv2 = self._host.clients("elbv2", want.region)
        if want.revision != self._revision:
            self._revision, self._plan, self._due, self.problem = want.revision, None, 0.0, ""
            self._shift = Shift(want.balancers, self._clock)
            self._backoff.failures = 0
        self._make_plan(want, definition, names or {})
        live = self._shift.live(elbv2)
        if self._shift.slot is None:
            serving = any(t.served and not t.retiring for t in self.tasks)
            self._shift.begin(live, serving, self._firing(want) if self._shift.moves else ())
        current = [t for t in self.tasks if t.revision == want.revision and not t.retiring]
        if self._plan is not None and not self._shift.sent_back:
            current += [self._start(want, self._plan) for _ in range(want.desired - len(current))]
        surplus = current[want.desired :]
        current = current[: want.desired]
        for task in current:
            task.targets = self._shift.targets()
            task.tick(elbv2, health, self._patience.replace)
        arrived = (
            self._plan is not None and not self._shift.sent_back and all(task.healthy for task in current)
        )
        old = [t for t in self.tasks if t not in current and t not in surplus and not t.retiring]
        settled = self._settle(want, live, current, old, arrived) if self._shift.moves else arrived
        for task in old:
            # A revision that never served has nothing to keep; one that serves does so until the new one can.
            in_the_way = live != self._shift.slot and task.targets == self._shift.targets()
            if settled or want.desired == 0 or not task.served or in_the_way:
                task.retire(elbv2)
            else:
                task.tick(elbv2, health, self._patience.replace)
        if self._shift.sent_back:
            surplus, current = [*surplus, *current], []
        for task in [*surplus, *(t for t in self.tasks if t.retiring)]:
            task.retire(elbv2)
        self._bury(want.region)
        return self._state(want, current, arrived)

    def _settle(
        self, want: Wanted, live: int, current: list[TaskProcess], old: list[TaskProcess], arrived: bool
    ) -> bool:
        """Move the traffic to a revision that has arrived, or back from one that fails while it bakes.

        True when nothing is left to wait for, so that the old tasks may go.
        """
        elbv2, shift = self._host.clients("elbv2", want.region), self._shift
        if shift.sent_back:
            return False
        keepers = [task for task in old if task.served]
        if keepers and (arrived or shift.slot == live):
            why = shift.fired(self._firing(want)) or next(
                (task.trouble for task in current if shift.slot == live and self._given_up(task)), ""
            )
            if why:
                shift.send_back(elbv2, live, why)
                return False
        if shift.slot != live:
            if arrived:
                shift.take(elbv2)
            return False
        return arrived and not shift.left_to_bake(want.bake)

    def _firing(self, want: Wanted) -> list[str]:
        return firing(self._host.clients("cloudwatch", want.region), want.alarms)

    def _given_up(self, task: TaskProcess) -> bool:
        return task.exits_in_row >= EXITS_THAT_FAIL or task.unwell_for() > self._patience.failing

    @property
    def healthy(self) -> list[str]:
        """Addresses of the tasks that neighbours are sent to."""
        return [task.address for task in self.tasks if task.healthy and not task.retiring]

    def retire(self, region: str) -> bool:
        """Take the deleted service's tasks down, step by step; True when none is left."""
        for task in self.tasks:
            task.retire(self._host.clients("elbv2", region))
        self._bury(region)
        return not self.tasks

    def _make_plan(self, want: Wanted, definition: Mapping[str, Any], names: Mapping[str, str]) -> None:
        """Plan the revision once; a plan that fails is tried again, for a missing secret may still come."""
        if self._plan is not None or self._clock() < self._due:
            return
        try:
            made = plan(self._host, want.region, definition, names=names)
            _require_ports(want, made)
        except (TaskError, SecretError) as error:
            self.problem = str(error)
            self._due = self._clock() + self._backoff.next_delay(0.0)
        else:
            self._plan, self.problem = made, ""

    def _start(self, want: Wanted, made: Plan) -> TaskProcess:
        taken = {task.name for task in self.tasks}
        numbers = (f"task-{want.region}-{want.name}-{n}" for n in range(1, len(taken) + 2))
        name = next(number for number in numbers if number not in taken)
        address = self._addresses.take(want.region, f"{want.cluster}/{name}")
        task = TaskProcess(name, want.region, want.revision, address, made, self._host, self._clock)
        task.owner = f"{want.cluster}/{name}"
        self.tasks.append(task)
        return task

    def _bury(self, region: str) -> None:
        for task in [task for task in self.tasks if task.gone]:
            self._addresses.release(region, task.owner)
            self.tasks.remove(task)

    def _state(self, want: Wanted, current: list[TaskProcess], arrived: bool) -> ServiceState:
        status, reason = "deploying", ""
        if self._shift.sent_back:
            status, reason = "failing", self._shift.sent_back
        elif arrived and len(self.tasks) == want.desired:
            status = "steady"
        elif arrived and self._shift.left_to_bake(want.bake) > SETTLE_SECONDS:
            reason = f"baking: the previous revision stays for {want.bake / 60:g} min, to be moved back to"
        elif not arrived:
            troubled = [t for t in current if not t.healthy]
            reason = self.problem or next((t.trouble for t in troubled), "")
            given_up = any(self._given_up(task) for task in troubled)
            status = "failing" if self.problem or given_up else "deploying"
        return ServiceState(
            region=want.region,
            cluster=want.cluster,
            name=want.name,
            task_definition=want.task_definition,
            desired=want.desired,
            running=sum(task.keeper.running() for task in self.tasks),
            healthy=sum(task.healthy for task in self.tasks),
            status=status,
            reason=reason,
        )


def _require_ports(want: Wanted, made: Plan) -> None:
    """Refuse a load balancer entry that no port mapping of the application container answers, as ECS does."""
    for entry in want.balancers:
        if entry.container != made.container or entry.port not in made.ports:
            raise TaskError(
                f"the load balancer sends to {entry.container}:{entry.port}, but the application container "
                f"{made.container} has the ports {sorted(made.ports)}"
            )
