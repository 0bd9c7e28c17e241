"""The model of a ``service.yaml``: what the platform must know to run one service.

CDK, the local platform, monitoring and the docs read it, so that adding a service touches one folder.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from stacks.calls import Caller, check_calls
from stacks.edge_paths import CachedPath, PathPattern, Protected, overlap
from stacks.errors import ConfigurationError
from stacks.manifest_checks import check_default, check_edge_paths, check_paths
from stacks.settings import TaskCount
from stacks.stream_access import GroupName, StreamAccess, TopicName
from stacks.yaml_file import ROOT, Frozen, load, relative

SERVICES = ROOT / "services" / "richesreach"

#: vCPU units and the memory (MiB) that Fargate pairs with them (task sizes in the ECS developer guide).
FARGATE_SIZES: dict[int, Sequence[int]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
    8192: range(16384, 61441, 4096),
    16384: range(32768, 122881, 8192),
}

#: A listener rule takes five values over all its conditions (ELB quotas); two are the current and the
#: previous value of the origin-verify header. A deployment moves one rule, so a service has one.
MAX_PATHS = 3

#: Priorities of the services' rules; below are the rules of the platform, above the default service's.
PRIORITIES = range(1000, 49000)

_NEED = re.compile(
    r"^(database|cache|global-cache|identity|stream|lake(:[a-z0-9_-]+(/[a-z0-9_-]+)*)?"
    r"|secrets:[a-z0-9][a-z0-9/_-]*|bedrock:[a-z0-9][a-z0-9.-]*)$"
)
_SCHEDULE = re.compile(r"^(rate\(\d+ (minute|hour|day)s?\)|cron\((\S+ ){5}\S+\))$")


def _need(value: str) -> str:
    if not _NEED.match(value):
        raise ValueError(
            f"unknown need {value!r}; known are database, cache, global-cache, identity, stream,"
            " lake, lake:<prefix>, secrets:<name>, bedrock:<models>"
        )
    return value


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,29}$")]
Need = Annotated[str, AfterValidator(_need)]
Port = Annotated[int, Field(ge=1024, le=65535)]
Command = Annotated[list[str], Field(min_length=1)]
Placement = Literal["every-region", "writer-region"]


class HealthCheck(Frozen):
    """The target group's health check; times in seconds."""

    path: Annotated[str, Field(pattern=r"^/")] = "/health"
    interval: Annotated[int, Field(ge=5, le=300)] = 10
    timeout: Annotated[int, Field(ge=2, le=120)] = 5
    healthy_threshold: Annotated[int, Field(ge=2, le=10)] = 2
    unhealthy_threshold: Annotated[int, Field(ge=2, le=10)] = 3
    start_period: Annotated[int, Field(ge=0, le=7200)] = 30

    @model_validator(mode="after")
    def _timeout_below_interval(self) -> HealthCheck:
        if self.timeout >= self.interval:
            raise ValueError(f"timeout {self.timeout} s is not below interval {self.interval} s; lower it")
        return self


class Objective(Frozen):
    """Service-level objective: availability in percent, latency at p99 in milliseconds, and the
    age in seconds that the newest of its features may have."""

    availability: Annotated[float, Field(gt=0, lt=100)]
    latency_p99_ms: Annotated[float, Field(gt=0)]
    fresh_seconds: Annotated[float, Field(gt=0)] | None = None


class Lag(Frozen):
    """Scaling of a stream consumer: messages that wait for ``group`` in ``topic``, per task."""

    topic: TopicName
    group: GroupName
    messages_per_task: Annotated[int, Field(ge=1)]


class Scaling(Frozen):
    """What target tracking holds: percent of CPU and memory, requests a minute and task, requests that a task
    answers at the same time, lag a task."""

    cpu: Annotated[int, Field(ge=10, le=90)] = 60
    memory: Annotated[int, Field(ge=10, le=90)] = 70
    requests_per_target: Annotated[int, Field(ge=1)] | None = None
    concurrency: Annotated[int, Field(ge=1)] | None = None
    lag: Lag | None = None


class TaskRun(Frozen):
    """A command in the service's own image and environment, that runs to its end.

    ``before-service`` runs it in every deployment before the service changes; ``schedule`` at the times of
    an EventBridge Scheduler expression, in UTC.
    """

    name: Name
    command: Command
    run: Literal["before-service", "schedule"]
    schedule: str | None = None
    placement: Placement = "writer-region"

    @model_validator(mode="after")
    def _schedule(self) -> TaskRun:
        if self.run == "schedule" and self.schedule is None:
            raise ValueError("run is schedule, but there is none; add `schedule: cron(0 3 * * ? *)`")
        if self.run != "schedule" and self.schedule is not None:
            raise ValueError("schedule is given to a task that is not run by it; write `run: schedule`")
        if self.schedule is not None and not _SCHEDULE.match(self.schedule):
            raise ValueError(
                f"{self.schedule!r} is no schedule; write rate(1 hour) or cron(0 3 * * ? *), with six fields"
            )
        return self


class Manifest(Frozen):
    """One service, as its folder describes it."""

    name: Name
    description: str
    paths: list[PathPattern] = Field(default_factory=list)
    default: bool = False
    cached: list[CachedPath] = Field(default_factory=list)
    protected: list[Protected] = Field(default_factory=list)
    streams: list[PathPattern] = Field(default_factory=list)
    prose: list[PathPattern] = Field(default_factory=list)
    port: Port
    grpc: Port | None = None
    command: Command
    cpu: int
    memory: int
    min: int = 2
    desired: int = 3
    max: int = 10
    placement: Placement = "every-region"
    health: HealthCheck = HealthCheck()
    needs: list[Need] = Field(default_factory=list)
    calls: list[Name] = Field(default_factory=list)
    stream: StreamAccess = StreamAccess()
    models: bool = False
    market: bool = False
    slo: Objective
    scaling: Scaling = Scaling()
    ephemeral_storage: Annotated[int, Field(ge=21, le=200)] | None = None
    tasks: list[TaskRun] = Field(default_factory=list)

    @property
    def count(self) -> TaskCount:
        return TaskCount(min=self.min, desired=self.desired, max=self.max)

    @property
    def lake_prefixes(self) -> list[str]:
        """Prefixes of the lake below which it reads and writes: ``lake:raw/market_data``."""
        return [need.removeprefix("lake:") for need in self.needs if need.startswith("lake:")]

    @property
    def secret_names(self) -> list[str]:
        """Own secrets, by the names below the environment's: ``secrets:providers/polygon``."""
        return [need.removeprefix("secrets:") for need in self.needs if need.startswith("secrets:")]

    @property
    def model_families(self) -> list[str]:
        """Bedrock's models that it asks, by how their ids begin: ``bedrock:anthropic.claude``."""
        return [need.removeprefix("bedrock:") for need in self.needs if need.startswith("bedrock:")]

    @property
    def exposed(self) -> bool:
        """Whether viewers reach it; the others are reached by Service Connect, or not at all."""
        return self.default or bool(self.paths)

    @property
    def priority(self) -> int:
        """Of its listener rule: of its own name, so that no other service's coming or going changes it."""
        if self.default:
            return PRIORITIES.stop
        return PRIORITIES[zlib.crc32(self.name.encode()) % len(PRIORITIES)]

    @property
    def rule_paths(self) -> list[str]:
        """What its listener rule matches: what is left to the default service is everything."""
        return ["/*"] if self.default else sorted(self.paths, key=lambda path: (-len(path), path))

    @model_validator(mode="after")
    def _check(self) -> Manifest:
        if self.cpu not in FARGATE_SIZES:
            raise ValueError(f"cpu {self.cpu} is no Fargate size; choose one of {list(FARGATE_SIZES)}")
        memories = FARGATE_SIZES[self.cpu]
        if self.memory not in memories:
            raise ValueError(
                f"memory {self.memory} MiB does not go with cpu {self.cpu};"
                f" choose one of {', '.join(map(str, memories))}"
            )
        if self.grpc == self.port:
            raise ValueError(f"grpc and port are both {self.port}; gRPC needs a port of its own")
        self.count  # noqa: B018  (validates min <= desired <= max)
        if len(set(self.paths)) != len(self.paths):
            raise ValueError("paths names a path twice; remove the repetition")
        if not self.default and len(self.paths) > MAX_PATHS:
            raise ValueError(
                f"{len(self.paths)} paths, but a listener rule holds {MAX_PATHS} beside the origin-verify"
                " header; give prefixes such as /market/*"
            )
        if self.scaling.requests_per_target and not self.exposed:
            raise ValueError("scaling.requests_per_target needs a path that requests come by; remove it")
        if self.scaling.lag and "stream" not in self.needs:
            raise ValueError("scaling.lag needs the stream; add `stream` to needs, or remove it")
        for path in self.prose:
            if not any(overlap(path, own) for own in self.paths):
                raise ValueError(f"prose names {path}, which is no path of the service; add it to paths")
        lag = self.scaling.lag
        self.stream.check(
            self.name, needed="stream" in self.needs, watched=(lag.topic, lag.group) if lag else None
        )
        return self


def load_manifests(directory: Path = SERVICES) -> tuple[Manifest, ...]:
    """Every service's manifest, by name.

    Raises:
        ConfigurationError: a manifest is wrong, two share a path, or not exactly one is the default.
    """
    manifests = {file: load(file, Manifest) for file in sorted(directory.glob("*/service.yaml"))}
    for file, manifest in manifests.items():
        folder = file.parent.name.replace("_", "-")
        if manifest.name != folder:
            raise ConfigurationError(
                relative(file),
                "name",
                f"is {manifest.name!r}",
                f"must be {folder!r}, as the folder is called",
            )
    check_calls(
        {
            each.name: Caller(relative(file), each.calls, each.placement == "every-region")
            for file, each in manifests.items()
        }
    )
    check_edge_paths(manifests)
    check_default(manifests, directory)
    check_paths(manifests)
    return tuple(manifests.values())
