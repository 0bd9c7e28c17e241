"""The state of the local platform as the supervisor publishes it (`.local/run/state.json`).

The supervisor writes it whenever something changes; `richesreach status` and the tests read it. Reading is
tolerant: an unknown key is ignored and a missing one takes its default, so that a reader of one version can
look at the file of another.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Supervisor:
    """The daemon itself; `started_at` is an ISO 8601 time in UTC."""

    pid: int = 0
    started_at: str = ""


@dataclass(frozen=True)
class LocalAws:
    """The local AWS; `status` is starting, running, failed or stopped."""

    endpoint: str = ""
    status: str = "stopped"
    reason: str = ""


@dataclass(frozen=True)
class ProcessState:
    """One child; `kind` is local-aws, postgres, cache, stream, models, task, service-connect,
    load-balancer
    or edge.

    `status` is starting, running, restarting, failed or stopped; `reason` says why the last one ended.
    """

    name: str
    kind: str
    region: str = ""
    address: str = ""
    port: int = 0
    pid: int = 0
    status: str = "starting"
    restarts: int = 0
    reason: str = ""


@dataclass(frozen=True)
class ServiceState:
    """One ECS service; `status` is steady, deploying or failing, counts are tasks."""

    region: str
    cluster: str
    name: str
    task_definition: str = ""
    desired: int = 0
    running: int = 0
    healthy: int = 0
    status: str = "deploying"
    reason: str = ""


@dataclass(frozen=True)
class DatabaseState:
    """One DB instance; `role` is writer (of the global cluster) or reader."""

    region: str
    cluster: str
    instance: str
    address: str = ""
    port: int = 0
    role: str = "reader"
    status: str = "starting"
    reason: str = ""


@dataclass(frozen=True)
class CacheState:
    """One cache node; `role` is writer (accepts writes) or reader."""

    region: str
    replication_group: str
    cluster: str
    instance: str
    address: str = ""
    port: int = 0
    role: str = "reader"
    status: str = "starting"
    reason: str = ""


@dataclass(frozen=True)
class StreamState:
    """One Kafka cluster; `topics` is how many it is to hold."""

    region: str
    cluster: str
    address: str = ""
    port: int = 0
    topics: int = 0
    status: str = "starting"
    reason: str = ""


@dataclass(frozen=True)
class State:
    """Everything the supervisor knows, in the layout of state.json."""

    supervisor: Supervisor = field(default_factory=Supervisor)
    local_aws: LocalAws = field(default_factory=LocalAws)
    processes: tuple[ProcessState, ...] = ()
    services: tuple[ServiceState, ...] = ()
    databases: tuple[DatabaseState, ...] = ()
    caches: tuple[CacheState, ...] = ()
    streams: tuple[StreamState, ...] = ()


def _record(kind: type[T], raw: object) -> T | None:
    """One record of `kind` from JSON, or None where it is not one."""
    if not isinstance(raw, Mapping):
        return None
    names = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    try:
        return kind(**{key: value for key, value in raw.items() if key in names})
    except TypeError:
        return None


def _records(kind: type[T], raw: object) -> tuple[T, ...]:
    if not isinstance(raw, list):
        return ()
    return tuple(found for entry in raw if (found := _record(kind, entry)) is not None)


def read(path: Path) -> State:
    """The published state; an empty one where nothing readable is published."""
    try:
        raw: Any = json.loads(path.read_text())
    except (OSError, ValueError):
        return State()
    if not isinstance(raw, Mapping):
        return State()
    return State(
        supervisor=_record(Supervisor, raw.get("supervisor")) or Supervisor(),
        local_aws=_record(LocalAws, raw.get("local_aws")) or LocalAws(),
        processes=_records(ProcessState, raw.get("processes")),
        services=_records(ServiceState, raw.get("services")),
        databases=_records(DatabaseState, raw.get("databases")),
        caches=_records(CacheState, raw.get("caches")),
        streams=_records(StreamState, raw.get("streams")),
    )


def write_json(path: Path, value: object) -> None:
    """Replace the file at once, so that a reader never sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")
    temporary.replace(path)


def write(path: Path, state: State) -> None:
    """Publish the state."""
    write_json(path, dataclasses.asdict(state))
