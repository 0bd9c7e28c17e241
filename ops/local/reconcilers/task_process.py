"""One running task of a service: its process, and its place in the service's target groups."""

import logging
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from ops.local.keeper import Backoff, Keeper
from ops.local.reconcilers.target_health import TargetHealth
from ops.local.reconcilers.tasks import Host, Plan

DRAIN_SECONDS = 2.0
STOP_SECONDS = 8.0
# Without a target group only its life tells: how long it must last at first, and after it has failed.
START_SECONDS = 1.0
PROVEN_SECONDS = 10.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """A target group of the service and the container port that is registered in it."""

    group: str
    port: int


@dataclass
class TaskProcess:
    """A task from start to removal. It runs until `retire`; then it drains, ends, and is `gone`."""

    name: str
    region: str
    revision: str
    address: str
    plan: Plan
    host: Host
    clock: Callable[[], float] = time.monotonic
    healthy: bool = False
    served: bool = False
    trouble: str = ""
    exits_in_row: int = 0
    owner: str = ""
    gone: bool = False
    targets: Sequence[Target] = ()
    keeper: Keeper = field(init=False)
    _registered: set[Target] = field(default_factory=set)
    _retired_at: float | None = None
    _terminated_at: float | None = None
    _well_at: float = 0.0

    def __post_init__(self) -> None:
        port = self.plan.ports[0] if self.plan.ports else 0
        backoff = Backoff(longest=10.0)
        self.keeper = Keeper(self.name, "task", self.region, self.address, port, self.clock, backoff)
        self._well_at = self.clock()

    def tick(self, elbv2: Any, health: TargetHealth, patience: float) -> None:
        """Keep it running and registered in `targets`, and learn how it is.

        `patience` is for how many seconds it may be unhealthy before it is replaced.
        """
        before = self.keeper.exits
        running = self.keeper.tick(self.plan.command(self.name, self.address, self.host))
        self.exits_in_row += self.keeper.exits - before
        self._register(elbv2, self.targets)
        self.trouble = self._trouble(self.targets, health, running)
        self.healthy = running and not self.trouble
        if self.healthy:
            self._well_at = self.clock()
            self.served = True
            if self.keeper.ran_for() >= self.keeper.backoff.proven:
                self.exits_in_row = 0
        elif running and self.clock() - self._well_at > patience:
            logger.warning("%s: unhealthy for too long (%s), replaced", self.name, self.trouble)
            self.keeper.reason = f"replaced: {self.trouble}"
            self.keeper.stop(signal.SIGKILL)
            self.exits_in_row += 1
            self._well_at = self.clock()

    def unwell_for(self) -> float:
        """Seconds since it was last healthy, or since it was made."""
        return 0.0 if self.healthy else self.clock() - self._well_at

    def _trouble(self, targets: Sequence[Target], health: TargetHealth, running: bool) -> str:
        """Why it cannot serve; empty when it can."""
        if not running:
            return self.keeper.reason or "not started"
        for target in targets:
            found = health.of(target.group, self.address, target.port)
            if found is None:
                return "the load balancer has not seen it yet"
            if found.state != "healthy":
                place = f"target {self.address}:{target.port}"
                return f"{place} is {found.state}: {found.reason or 'no reason given'}"
        if not targets and self.keeper.ran_for() < (PROVEN_SECONDS if self.exits_in_row else START_SECONDS):
            return self.keeper.reason or "just started"
        return ""

    def _register(self, elbv2: Any, targets: Sequence[Target]) -> None:
        wanted = set(targets)
        for target in wanted - self._registered:
            elbv2.register_targets(TargetGroupArn=target.group, Targets=[self._id(target)])
        for target in self._registered - wanted:
            self._deregister(elbv2, target)
        self._registered = wanted

    def _deregister(self, elbv2: Any, target: Target) -> None:
        try:
            elbv2.deregister_targets(TargetGroupArn=target.group, Targets=[self._id(target)])
        except ClientError as error:
            # A target group deleted with its service has no targets left to deregister.
            logger.info("%s: not deregistered: %s", self.name, error)

    def _id(self, target: Target) -> dict[str, Any]:
        return {"Id": self.address, "Port": target.port}

    def retire(self, elbv2: Any) -> None:
        """Take one more step: out of the target groups, drained, asked to end, ended, gone."""
        now = self.clock()
        self.healthy = False
        if self._retired_at is None:
            self._retired_at = now
            for target in self._registered:
                self._deregister(elbv2, target)
        if not self.keeper.running():
            self.forget()
        elif self._terminated_at is None:
            if now - self._retired_at >= DRAIN_SECONDS or not self._registered:
                self._terminated_at = now
                self.keeper.send(signal.SIGTERM)
        elif now - self._terminated_at > STOP_SECONDS:
            self.keeper.stop(signal.SIGKILL)
            self.forget()

    def forget(self) -> None:
        """Remove its folder; the process has ended."""
        self.keeper.stop()
        shutil.rmtree(self.host.work / self.name, ignore_errors=True)
        self.gone = True

    @property
    def retiring(self) -> bool:
        """Whether it is on its way out."""
        return self._retired_at is not None
