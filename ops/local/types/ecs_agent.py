"""The ECS agent's side of a one-off task: it waits until an agent says what became of it.

On AWS a task that RunTask made is PENDING until the agent of its host runs it, and the agent reports each
change with SubmitTaskStateChange. The server alone calls such a task RUNNING for ever. Tasks of services are
left as the server keeps them: the local platform runs those from the service's desired count.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.services import ecs

_Answer = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Puts both actions into the server's table."""
    ecs._ACTION_MAP["RunTask"] = _run_task(ecs._ACTION_MAP["RunTask"])
    ecs._ACTION_MAP["SubmitTaskStateChange"] = _submit_task_state_change


def _run_task(shipped: Callable[[dict[str, Any]], _Answer]) -> Callable[[dict[str, Any]], _Answer]:
    def run(given: dict[str, Any]) -> _Answer:
        status, headers, body = shipped(given)
        if status != 200:
            return status, headers, body
        answer = json.loads(body)
        for shown in answer["tasks"]:
            record = ecs._tasks[shown["taskArn"]]
            record.update(lastStatus="PENDING", startedAt=None, pullStartedAt=None, pullStoppedAt=None)
            for container in record["containers"]:
                container["lastStatus"] = "PENDING"
        answer["tasks"] = [ecs._sanitize(ecs._tasks[shown["taskArn"]]) for shown in answer["tasks"]]
        return status, headers, json.dumps(answer).encode()

    return run


def _submit_task_state_change(given: dict[str, Any]) -> _Answer:
    cluster = ecs._resolve_cluster_name(given.get("cluster", "default"))
    task = ecs._resolve_task(given.get("task", ""), cluster) if cluster else None
    if task is None:
        return _error("InvalidParameterException", "The referenced task was not found.")
    if task["lastStatus"] != "STOPPED":
        changes = {change.get("containerName"): change for change in given.get("containers", [])}
        if given.get("status") == "STOPPED":
            _stop(task, changes, str(given.get("reason") or ""))
        elif given.get("status") == "RUNNING":
            _start(task)
    return (
        200,
        {"Content-Type": "application/x-amz-json-1.1"},
        json.dumps({"acknowledgment": "ACCEPT"}).encode(),
    )


def _start(task: dict[str, Any]) -> None:
    task.update(lastStatus="RUNNING", startedAt=time.time())
    for container in task["containers"]:
        container["lastStatus"] = "RUNNING"


def _stop(task: dict[str, Any], changes: dict[str, dict[str, Any]], reason: str) -> None:
    for container in task["containers"]:
        change = changes.get(container["name"], {})
        if change.get("exitCode") is not None:
            container["exitCode"] = int(change["exitCode"])
        if change.get("reason"):
            container["reason"] = str(change["reason"])
    never_started = not task.get("startedAt") and not any("exitCode" in c for c in task["containers"])
    code = "TaskFailedToStart" if never_started else "EssentialContainerExited"
    ecs._mark_task_stopped(task["taskArn"], task, reason or "Essential container in task exited", code)


def _error(code: str, message: str) -> _Answer:
    return (
        400,
        {"Content-Type": "application/x-amz-json-1.1"},
        json.dumps({"__type": code, "message": message}).encode(),
    )
