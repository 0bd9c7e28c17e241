"""The sections of an environment file, one model an area. Sizes in the unit that a field names."""

from __future__ import annotations

import ipaddress
import itertools
import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from stacks.yaml_file import Frozen

Days = Annotated[int, Field(ge=1, le=36500)]

#: Log retentions that CloudWatch Logs accepts, in days.
LogDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653]


class NetworkSettings(Frozen):
    """``nat_gateways``: how many a region has; one a zone keeps a zone's loss inside the zone."""

    nat_gateways: Literal["per-zone", "one"]
    flow_log_days: LogDays


class ZoneLifecycle(Frozen):
    """Days after which an object of a lake zone moves down a storage class. S3 demands 30 days in
    Standard before Standard-IA and 90 days in Glacier before Deep Archive."""

    standard_ia: Days | None = None
    glacier: Days | None = None
    deep_archive: Days | None = None
    expire: Days | None = None

    @model_validator(mode="after")
    def _ordered(self) -> ZoneLifecycle:
        steps = [
            (name, value)
            for name in ("standard_ia", "glacier", "deep_archive", "expire")
            if (value := getattr(self, name)) is not None
        ]
        for (earlier, before), (later, after) in itertools.pairwise(steps):
            if after <= before:
                raise ValueError(
                    f"{later} ({after} days) does not come after {earlier} ({before} days); order the days"
                )
        if self.standard_ia is not None and self.standard_ia < 30:
            raise ValueError(f"standard_ia is {self.standard_ia} days; S3 demands at least 30")
        if self.glacier and self.deep_archive and self.deep_archive - self.glacier < 90:
            raise ValueError(
                "deep_archive comes less than 90 days after glacier; S3 bills 90 days of Glacier"
            )
        return self


class LakeZones(Frozen):
    """Lifecycle of each zone of the lake, by prefix."""

    raw: ZoneLifecycle
    processed: ZoneLifecycle
    curated: ZoneLifecycle
    metadata: ZoneLifecycle


class LakeSettings(Frozen):
    zones: LakeZones
    noncurrent_days: Days
    abort_upload_days: Days
    log_days: Days


class DatabaseSettings(Frozen):
    """Aurora PostgreSQL, serverless v2. Capacities in ACU; an instance more than one is a reader."""

    engine_version: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    instances: Annotated[int, Field(ge=1, le=16)]
    min_capacity: Annotated[float, Field(ge=0, le=256)]
    max_capacity: Annotated[float, Field(ge=1, le=256)]
    backup_days: Annotated[int, Field(ge=1, le=35)]
    tls: bool
    port: Annotated[int, Field(ge=1150, le=65535)]

    @model_validator(mode="after")
    def _capacities(self) -> DatabaseSettings:
        if self.min_capacity > self.max_capacity:
            raise ValueError(
                f"min_capacity {self.min_capacity} exceeds max_capacity {self.max_capacity}; order them"
            )
        return self


class CacheSettings(Frozen):
    """Valkey: each region's own group, and the Global Datastore. No burstable nodes: a Global Datastore
    refuses them, and a regional group that becomes one later must not be replaced for it."""

    node_type: Annotated[str, Field(pattern=r"^cache\.[a-z]+\d\w*\.\w+$")]
    engine_version: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    nodes: Annotated[int, Field(ge=2, le=6)]
    tls: bool
    port: Annotated[int, Field(ge=1024, le=65535)]
    snapshot_days: Annotated[int, Field(ge=0, le=35)]

    @model_validator(mode="after")
    def _not_burstable(self) -> CacheSettings:
        if re.match(r"^cache\.t\d", self.node_type):
            raise ValueError(
                f"node_type {self.node_type} is burstable; a Global Datastore needs e.g. cache.r7g.large"
            )
        return self


class LoadBalancerSettings(Frozen):
    """How CloudFront reaches a region: the listener's protocol and port, and who may connect."""

    protocol: Literal["https", "http"]
    port: Annotated[int, Field(ge=1, le=65535)]
    allowed_cidrs: Annotated[list[str], Field(min_length=1)]
    idle_timeout_seconds: Annotated[int, Field(ge=1, le=4000)] = 60

    @model_validator(mode="after")
    def _networks(self) -> LoadBalancerSettings:
        for cidr in self.allowed_cidrs:
            try:
                ipaddress.IPv4Network(cidr)
            except ValueError as error:
                raise ValueError(f"allowed_cidrs: {error}; write networks such as 10.0.0.0/8") from None
        return self


class TaskCount(Frozen):
    """Bounds of a service's desired count."""

    min: Annotated[int, Field(ge=0, le=1000)]
    desired: Annotated[int, Field(ge=0, le=1000)]
    max: Annotated[int, Field(ge=1, le=1000)]

    @model_validator(mode="after")
    def _ordered(self) -> TaskCount:
        if not self.min <= self.desired <= self.max:
            raise ValueError(
                f"min {self.min}, desired {self.desired}, max {self.max} are out of order;"
                " they must satisfy min <= desired <= max"
            )
        return self


class ServiceSettings(Frozen):
    """``tasks`` overrides the counts of every manifest; absent, each manifest's own hold."""

    architecture: Literal["arm64", "x86_64"]
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    log_days: LogDays
    container_insights: bool
    tasks: TaskCount | None = None


class EdgeSettings(Frozen):
    """``certificate``: an ACM certificate for the site and each region; without it CloudFront answers
    on its own name and speaks HTTP to the origins."""

    certificate: bool
    price_class: Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"]
    health_check_interval_seconds: Literal[10, 30]
    origin_connect_seconds: Annotated[int, Field(ge=1, le=10)]
    origin_read_seconds: Annotated[int, Field(ge=1, le=120)]


class MonitoringSettings(Frozen):
    alarm_email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None
