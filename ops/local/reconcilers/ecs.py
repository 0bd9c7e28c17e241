"""ECS: the processes of every service and one-off task of the given regions."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ops.local.keeper import stop_together
from ops.local.reconcilers.addresses import Addresses
from ops.local.reconcilers.one_off import OneOffTasks
from ops.local.reconcilers.report import Report
from ops.local.reconcilers.rollout import Patience, Service, Wanted, wanted
from ops.local.reconcilers.service_connect import ServiceConnect, ports
from ops.local.reconcilers.target_health import TargetHealth
from ops.local.reconcilers.tasks import Host
from ops.local.state import ServiceState

logger = logging.getLogger(__name__)

DESCRIBE_LIMIT = 10


class Ecs:
    """Reconciles services and one-off tasks.

    `hold` says that nothing new is to start yet: on AWS a database is available when its creation ends, here
    its server may still be starting.
    """

    name = "ecs"

    def __init__(
        self,
        host: Host,
        regions: Iterable[str],
        addresses: Addresses,
        run: Path,
        hold: Callable[[], bool] = lambda: False,
        patience: Patience | None = None,
        connect: ServiceConnect | None = None,
    ) -> None:
        self._host = host
        self._regions = regions
        self._addresses = addresses
        self._run = run
        self._hold = hold
        self._patience = patience
        self._connect = connect
        self.services: dict[tuple[str, str, str], Service] = {}
        self._one_off = OneOffTasks(host, addresses)
        self._definitions: dict[str, dict[str, Any]] = {}

    def reconcile(self) -> Report:
        """One pass over every region."""
        hold = self._hold()
        states: list[ServiceState] = []
        present: set[tuple[str, str, str]] = set()
        for region in self._regions:
            health = TargetHealth(self._run, region)
            ecs = self._host.clients("ecs", region)
            everyone: list[Wanted] = []
            for cluster in (arn.rsplit("/", 1)[-1] for arn in ecs.list_clusters()["clusterArns"]):
                self._one_off.reconcile(region, cluster, hold)
                everyone += self._wanted(ecs, region, cluster)
            self._learn(region, everyone)
            for want in everyone:
                key = (want.region, want.cluster, want.name)
                present.add(key)
                states.append(self._service(key, want, health, hold, self._names(want, everyone)))
        for key in [key for key in self.services if key not in present]:
            if self.services[key].retire(key[0]):
                del self.services[key]
        if self._connect is not None:
            self._connect.publish()
        tasks = [task for service in self.services.values() for task in service.tasks]
        running = tuple(task.keeper.state(task.healthy) for task in tasks)
        return Report(processes=running + self._one_off.states(), services=tuple(states))

    def stop(self) -> None:
        """End every task; nothing is deregistered, for the local AWS ends too."""
        stop_together([t.keeper for s in self.services.values() for t in s.tasks], grace=4.0)
        self._one_off.stop()

    def _learn(self, region: str, everyone: list[Wanted]) -> None:
        if self._connect is not None:
            self._connect.learn(region, [want.connected for want in everyone])

    def _names(self, want: Wanted, everyone: list[Wanted]) -> dict[str, str]:
        """Whom its tasks find by name; nobody outside a namespace."""
        if self._connect is None or not want.connected.namespace:
            return {}
        return self._connect.names(want.region, want.connected, [each.connected for each in everyone])

    def _service(
        self,
        key: tuple[str, str, str],
        want: Wanted,
        health: TargetHealth,
        hold: bool,
        names: dict[str, str],
    ) -> ServiceState:
        service = self.services.get(key)
        if service is None:
            if hold:
                return ServiceState(
                    *key, want.task_definition, want.desired, reason="waiting for the databases to start"
                )
            service = self.services[key] = Service(self._host, self._addresses, self._patience)
        definition = self._definition(want)
        found = service.reconcile(want, definition, health, names)
        if self._connect is not None:
            self._connect.forward(want.region, want.connected, ports(definition), service.healthy)
        return found

    def _definition(self, want: Wanted) -> dict[str, Any]:
        """The task definition, read once: a revision never changes."""
        if want.task_definition not in self._definitions:
            ecs = self._host.clients("ecs", want.region)
            answer = ecs.describe_task_definition(taskDefinition=want.task_definition)
            self._definitions[want.task_definition] = answer["taskDefinition"]
        return self._definitions[want.task_definition]

    @staticmethod
    def _wanted(ecs: Any, region: str, cluster: str) -> list[Wanted]:
        arns = [
            a
            for page in ecs.get_paginator("list_services").paginate(cluster=cluster)
            for a in page["serviceArns"]
        ]
        described = []
        for start in range(0, len(arns), DESCRIBE_LIMIT):
            chunk = arns[start : start + DESCRIBE_LIMIT]
            described.extend(ecs.describe_services(cluster=cluster, services=chunk)["services"])
        return [wanted(region, cluster, s) for s in described if s.get("status") == "ACTIVE"]
