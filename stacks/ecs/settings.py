"""Configuration of the load balancers and of what every service shares."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from stacks.settings import LogDays, TaskCount
from stacks.yaml_file import Frozen, MisfitError

Weight = Annotated[int, Field(ge=0, le=1000)]

#: Shortest prefix that `allowed_cidrs` takes: 10.0.0.0/8 is the largest private network.
WIDEST = 8

_DIGEST = re.compile(r"^[a-z0-9][a-z0-9./_-]*(:[\w.-]+)?@sha256:[0-9a-f]{64}$")

#: Interface endpoints of what a collector writes to, where nothing else leaves the network.
TELEMETRY_ENDPOINTS = ("aps-workspaces", "xray")


class LoadBalancerSettings(Frozen):
    """How CloudFront reaches a region: the listener's protocol and port, and who may connect.

    ``keep_alive_seconds`` is the longest life of a client's connection, ``idle_timeout_seconds`` that of a
    silent one; ``slow_start_seconds`` lets a new target's share of requests grow, 0 gives it all at once.
    ``managed_prefix_lists`` admits CloudFront's origin-facing servers and the Route 53 health checkers,
    ``allowed_cidrs`` further networks. Whoever connects, a request without the origin-verify header gets 403.
    """

    protocol: Literal["https", "http"]
    port: Annotated[int, Field(ge=1, le=65535)]
    managed_prefix_lists: bool
    allowed_cidrs: list[str]
    idle_timeout_seconds: Annotated[int, Field(ge=1, le=4000)] = 60
    keep_alive_seconds: Annotated[int, Field(ge=60, le=604800)] = 3600
    slow_start_seconds: Annotated[int, Field(ge=0, le=900)] = 0

    @model_validator(mode="after")
    def _networks(self) -> LoadBalancerSettings:
        for cidr in self.allowed_cidrs:
            try:
                network = ipaddress.IPv4Network(cidr)
            except ValueError as error:
                raise ValueError(f"allowed_cidrs: {error}; write networks such as 10.0.0.0/8") from None
            if network.prefixlen < WIDEST:
                raise ValueError(
                    f"allowed_cidrs: {cidr} opens the load balancers to the internet, past the firewall;"
                    f" name networks of /{WIDEST} or smaller"
                )
        if not self.managed_prefix_lists and not self.allowed_cidrs:
            raise ValueError("nobody may connect; set managed_prefix_lists: true or list allowed_cidrs")
        return self

    @model_validator(mode="after")
    def _slow_start(self) -> LoadBalancerSettings:
        if 0 < self.slow_start_seconds < 30:
            raise ValueError(
                f"slow_start_seconds {self.slow_start_seconds} is too short; use 30 to 900, or 0 for none"
            )
        return self


class DeploymentSettings(Frozen):
    """How a new revision takes over.

    ``rolling`` replaces tasks in one target group; ``blue-green`` starts the whole new revision beside the
    old one, moves the listener rule and keeps the old tasks for ``bake_minutes``, ready to be moved back to.
    """

    strategy: Literal["rolling", "blue-green"]
    bake_minutes: Annotated[int, Field(ge=0, le=1440)] = 0
    minimum_healthy_percent: Annotated[int, Field(ge=0, le=100)] = 100
    maximum_percent: Annotated[int, Field(ge=100, le=200)] = 200

    @model_validator(mode="after")
    def _consistent(self) -> DeploymentSettings:
        if self.strategy == "rolling" and self.bake_minutes:
            raise ValueError(
                f"bake_minutes is {self.bake_minutes} but strategy is rolling;"
                " only blue-green bakes: change the strategy, or remove bake_minutes"
            )
        if self.minimum_healthy_percent == 100 and self.maximum_percent == 100:
            raise ValueError(
                "minimum_healthy_percent and maximum_percent are both 100, so that no task can be replaced;"
                " raise maximum_percent"
            )
        return self


class CapacitySettings(Frozen):
    """Fargate and Fargate Spot of the services, and what a region may use.

    The first ``on_demand_base`` tasks of a service run on Fargate, the others by weight.
    ``fargate_vcpus`` is the quota "Fargate On-Demand vCPU resource count" that the account was granted.
    """

    on_demand_base: Annotated[int, Field(ge=0, le=1000)]
    on_demand_weight: Weight
    spot_weight: Weight
    fargate_vcpus: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _somewhere(self) -> CapacitySettings:
        if not self.on_demand_weight and not self.spot_weight:
            raise ValueError(
                "on_demand_weight and spot_weight are both 0, so that no task beyond the base is placed;"
                " give one a weight"
            )
        return self


class ServiceSettings(Frozen):
    """``tasks`` overrides the counts of every manifest; absent, each manifest's own hold."""

    architecture: Literal["arm64", "x86_64"]
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    log_days: LogDays
    container_insights: bool
    deployment: DeploymentSettings
    capacity: CapacitySettings
    execute_command: bool
    tasks: TaskCount | None = None


def _pinned(image: str) -> str:
    if not _DIGEST.match(image):
        raise ValueError(
            f"{image!r} may be another image tomorrow; name it by digest: <image>@sha256:<64 hex>"
        )
    return image


class TelemetrySettings(Frozen):
    """What services measure of themselves: a collector beside each task, a Managed Prometheus workspace in
    each region, traces in X-Ray.

    ``image`` is the collector's. ``cpu`` (units) and ``memory`` (MiB) are what it takes of the task's size.
    ``scrape_seconds`` lies between two readings; ``trace_percent`` of traces are kept, all or none of a
    trace's spans; ``retention_days`` is of metrics, 1095 at most (quotas of Managed Prometheus).
    """

    image: Annotated[str, AfterValidator(_pinned)]
    cpu: Annotated[int, Field(ge=32, le=1024)]
    memory: Annotated[int, Field(ge=128, le=2048)]
    scrape_seconds: Annotated[int, Field(ge=10, le=60)]
    trace_percent: Annotated[float, Field(ge=0, le=100)]
    retention_days: Annotated[int, Field(ge=30, le=1095)]

    def check(self, nat_gateways: str, endpoints: Sequence[str]) -> None:
        """What the network must let through.

        Raises:
            MisfitError: the collector could not start, or could write nowhere.
        """
        if nat_gateways != "none":
            return
        missing = [name for name in TELEMETRY_ENDPOINTS if name not in endpoints]
        if missing:
            raise MisfitError(
                "telemetry",
                f"needs {' and '.join(missing)}, and network.nat_gateways is none",
                "add them to network.interface_endpoints, or leave telemetry out",
            )
        if ".dkr.ecr." not in self.image:
            raise MisfitError(
                "telemetry.image",
                "is in a public registry, and network.nat_gateways is none",
                "name its copy in the account's own registry (a pull-through cache), or keep a NAT gateway",
            )
