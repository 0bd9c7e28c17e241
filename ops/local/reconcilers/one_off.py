"""One-off tasks: what RunTask asked for is run once, and its end reported as an ECS agent does."""

import logging
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.local.process import Child
from ops.local.reconcilers.addresses import Addresses
from ops.local.reconcilers.secrets import SecretError
from ops.local.reconcilers.tasks import Host, TaskError, plan
from ops.local.state import ProcessState

logger = logging.getLogger(__name__)


@dataclass
class _Running:
    arn: str
    region: str
    cluster: str
    name: str
    container: str
    address: str
    child: Child


class OneOffTasks:
    """Every task of the given regions that no service owns."""

    def __init__(self, host: Host, addresses: Addresses) -> None:
        self._host = host
        self._addresses = addresses
        self._seen: set[str] = set()
        self._running: dict[str, _Running] = {}

    def reconcile(self, region: str, cluster: str, hold: bool) -> None:
        """Run what is new in one cluster, unless `hold`, and report what has ended."""
        ecs = self._host.clients("ecs", region)
        for task in self._tasks(ecs, cluster):
            arn = str(task["taskArn"])
            if str(task.get("group", "")).startswith("service:") or arn in self._seen or hold:
                continue
            self._seen.add(arn)
            self._start(ecs, region, cluster, task)
        for running in [r for r in self._running.values() if (r.region, r.cluster) == (region, cluster)]:
            self._follow(ecs, running)

    @staticmethod
    def _tasks(ecs: Any, cluster: str) -> list[dict[str, Any]]:
        arns = list(ecs.list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"])
        return list(ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]) if arns else []

    def _start(self, ecs: Any, region: str, cluster: str, task: Mapping[str, Any]) -> None:
        arn = str(task["taskArn"])
        described = ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"]
        name = f"task-{region}-{described['family']}-{arn.rsplit('/', 1)[-1][:8]}"
        try:
            made = plan(self._host, region, described, task.get("overrides"))
            address = self._addresses.take(region, arn)
            child = Child(made.command(name, address, self._host))
        except (TaskError, SecretError, OSError) as error:
            logger.warning("%s: not started: %s", name, error)
            reason = f"ResourceInitializationError: {error}"
            ecs.submit_task_state_change(cluster=cluster, task=arn, status="STOPPED", reason=reason)
            return
        logger.info("%s: started", name)
        ecs.submit_task_state_change(cluster=cluster, task=arn, status="RUNNING")
        self._running[arn] = _Running(arn, region, cluster, name, made.container, address, child)

    def _follow(self, ecs: Any, running: _Running) -> None:
        found = ecs.describe_tasks(cluster=running.cluster, tasks=[running.arn])["tasks"]
        if running.child.alive():
            if not found or found[0].get("lastStatus") == "STOPPED":
                # StopTask: the API calls it stopped, so the process has to go.
                running.child.stop(signal.SIGTERM, grace=2.0)
                self._forget(running)
            return
        code = running.child.exit_code or 0
        logger.info("%s: %s", running.name, running.child.reason())
        ecs.submit_task_state_change(
            cluster=running.cluster,
            task=running.arn,
            status="STOPPED",
            reason="Essential container in task exited",
            containers=[
                {
                    "containerName": running.container,
                    # As a shell and Docker count: a signal is 128 and its number.
                    "exitCode": code if code >= 0 else 128 - code,
                    "reason": running.child.reason() if code else "",
                    "status": "STOPPED",
                }
            ],
        )
        self._forget(running)

    def _forget(self, running: _Running) -> None:
        del self._running[running.arn]
        self._addresses.release(running.region, running.arn)
        shutil.rmtree(self._host.work / running.name, ignore_errors=True)

    def states(self) -> tuple[ProcessState, ...]:
        """What to publish of the tasks that run now."""
        return tuple(
            ProcessState(r.name, "task", r.region, r.address, 0, r.child.pid, "running")
            for r in self._running.values()
        )

    def stop(self) -> None:
        """End all of them."""
        for running in self._running.values():
            running.child.stop(signal.SIGTERM, grace=1.0)
