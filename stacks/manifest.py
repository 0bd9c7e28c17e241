"""The model of a ``service.yaml``: what the platform must know to run one service.

CDK, the local platform, monitoring and the docs read it, so that adding a service touches one folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from stacks.errors import ConfigurationError
from stacks.settings import TaskCount
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

_NEED = re.compile(r"^(database|cache|global-cache|stream|lake|secrets:[a-z0-9][a-z0-9/_-]*)$")
_PATH = re.compile(r"^/[A-Za-z0-9_.$/~@:+-]*\*?$")


def _need(value: str) -> str:
    if not _NEED.match(value):
        raise ValueError(
            f"unknown need {value!r}; known are database, cache, global-cache, stream, lake, secrets:<name>"
        )
    return value


def _path(value: str) -> str:
    if not _PATH.match(value):
        raise ValueError(f"{value!r} is no path pattern; write one such as /market/* or /graphql")
    return value


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,29}$")]
Need = Annotated[str, AfterValidator(_need)]
PathPattern = Annotated[str, AfterValidator(_path)]
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
    """Service-level objective: availability in percent, latency at p99 in milliseconds."""

    availability: Annotated[float, Field(gt=0, lt=100)]
    latency_p99_ms: Annotated[float, Field(gt=0)]


Role = Literal["viewer", "trader", "admin", "service"]


class CachedPath(Frozen):
    """A public path that the edge may keep for ``ttl`` seconds; only the named query keys and headers tell
    copies apart, and only they reach the service."""

    path: PathPattern
    ttl: Annotated[int, Field(ge=1, le=31_536_000)]
    query: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.~-]+$")]] = Field(default_factory=list)
    headers: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _for_everybody(self) -> CachedPath:
        personal = {"authorization", "cookie", "x-api-key"} & {name.lower() for name in self.headers}
        if personal:
            raise ValueError(
                f"{self.path} is cached by {', '.join(sorted(personal))}: its answers are somebody's own;"
                " leave it uncached"
            )
        return self


class ProtectedPath(Frozen):
    """A path that the edge passes on only with a valid token, of one of ``roles`` where any is named."""

    path: PathPattern
    roles: list[Role] = Field(default_factory=list)


def _protected(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


class OneOffTask(Frozen):
    """A command that runs to its end in the service's own image and environment."""

    name: Name
    command: Command
    run: Literal["before-service"]
    placement: Placement = "writer-region"


class Manifest(Frozen):
    """One service, as its folder describes it."""

    name: Name
    description: str
    paths: list[PathPattern] = Field(default_factory=list)
    default: bool = False
    cached: list[CachedPath] = Field(default_factory=list)
    protected: list[Annotated[ProtectedPath, BeforeValidator(_protected)]] = Field(default_factory=list)
    streams: list[PathPattern] = Field(default_factory=list)
    port: Annotated[int, Field(ge=1024, le=65535)]
    command: Command
    cpu: int
    memory: int
    min: int = 2
    desired: int = 3
    max: int = 10
    placement: Placement = "every-region"
    health: HealthCheck = HealthCheck()
    needs: list[Need] = Field(default_factory=list)
    slo: Objective
    tasks: list[OneOffTask] = Field(default_factory=list)

    @property
    def count(self) -> TaskCount:
        return TaskCount(min=self.min, desired=self.desired, max=self.max)

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
        self.count  # noqa: B018  (validates min <= desired <= max)
        if len(set(self.paths)) != len(self.paths):
            raise ValueError("paths names a path twice; remove the repetition")
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
    _check_paths(manifests)
    _check_edge_paths(manifests)
    _check_default(manifests, directory)
    return tuple(manifests.values())


def _check_paths(manifests: Mapping[Path, Manifest]) -> None:
    owners: dict[str, str] = {}
    for file, manifest in manifests.items():
        for path in manifest.paths:
            if path in owners:
                raise ConfigurationError(
                    relative(file),
                    "paths",
                    f"{path} already belongs to {owners[path]}",
                    "give it to one service",
                )
            owners[path] = manifest.name


def _check_edge_paths(manifests: Mapping[Path, Manifest]) -> None:
    """At the edge the first behaviour that fits a path decides, so none may fit what another one serves."""
    owners: dict[str, str] = {}
    for file, manifest in manifests.items():
        entries = [(key, entry.path) for key in ("cached", "protected") for entry in getattr(manifest, key)]
        for key, path in [*entries, *(("streams", path) for path in manifest.streams)]:
            for taken, owner in owners.items():
                if overlap(path, taken):
                    raise ConfigurationError(
                        relative(file),
                        key,
                        f"{path} overlaps {taken} of {owner}",
                        "let one behaviour of the edge serve a path",
                    )
            owners[path] = f"{manifest.name}.{key}"


def overlap(one: str, other: str) -> bool:
    """Whether some path fits both patterns (``*`` at the end alone, as in manifests)."""
    prefix, other_prefix = one.removesuffix("*"), other.removesuffix("*")
    if one.endswith("*") and other_prefix.startswith(prefix):
        return True
    return one == other or (other.endswith("*") and prefix.startswith(other_prefix))


def _check_default(manifests: Mapping[Path, Manifest], directory: Path) -> None:
    """Each region's load balancer forwards what no rule names to one service, which must be there."""
    defaults = [file for file, manifest in manifests.items() if manifest.default]
    if len(defaults) != 1:
        names = ", ".join(manifests[file].name for file in defaults)
        raise ConfigurationError(
            relative(directory),
            "default",
            f"{len(defaults)} services ({names or 'none'}) take the paths that nobody owns",
            "set `default: true` in exactly one manifest",
        )
    if manifests[defaults[0]].placement != "every-region":
        raise ConfigurationError(
            relative(defaults[0]),
            "placement",
            "the default service is missing in the other regions, whose paths it takes",
            "place it in every region, or make another service the default",
        )
