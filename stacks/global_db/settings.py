"""Configuration of databases and caches."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from stacks.settings import Days, LogDays
from stacks.yaml_file import Frozen, MisfitError

#: Retention of Performance Insights in days: a week, whole months of 31 days, or two years
#: (PerformanceInsightsRetentionPeriod, CreateDBCluster, Amazon RDS API reference).
_INSIGHTS_DAYS = (7, *(31 * month for month in range(1, 24)), 731)

#: Least retention of the advanced mode of Database Insights (Aurora user guide, "Considerations").
_ADVANCED_DAYS = 465

#: Least capacity of a member of a global database, which cannot pause.
_AWAKE = 0.5

_DAILY = re.compile(r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")
_DAY = "(mon|tue|wed|thu|fri|sat|sun)"
_WEEKLY = re.compile(rf"^{_DAY}:([01]\d|2[0-3]):[0-5]\d-{_DAY}:([01]\d|2[0-3]):[0-5]\d$")


def _daily_window(value: str) -> str:
    if not _DAILY.match(value):
        raise ValueError(f"{value!r} is no daily window; write hours in UTC such as 03:00-04:00")
    return value


def _weekly_window(value: str) -> str:
    if not _WEEKLY.match(value):
        raise ValueError(f"{value!r} is no weekly window; write UTC such as sun:05:00-sun:06:00")
    return value


def _cron(value: str) -> str:
    if not re.fullmatch(r"cron\(\S+( \S+){5}\)", value):
        raise ValueError(f"{value!r} is no schedule; write six fields such as cron(0 3 * * ? *)")
    return value


DailyWindow = Annotated[str, AfterValidator(_daily_window)]
WeeklyWindow = Annotated[str, AfterValidator(_weekly_window)]
Cron = Annotated[str, AfterValidator(_cron)]


class BackupSettings(Frozen):
    """Snapshots by AWS Backup beside Aurora's own: how long here, and how long in another region."""

    schedule: Cron
    keep_days: Days
    copy_keep_days: Days


class DatabaseSettings(Frozen):
    """Aurora PostgreSQL, serverless v2. Capacities in ACU; an instance more than one is a reader."""

    is_global: Annotated[bool, Field(alias="global")]
    engine_version: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    instances: Annotated[int, Field(ge=1, le=16)]
    min_capacity: Annotated[float, Field(ge=0, le=256, multiple_of=0.5)]
    max_capacity: Annotated[float, Field(ge=1, le=256, multiple_of=0.5)]
    pause_after_seconds: Annotated[int, Field(ge=300, le=86400)] | None
    backup_days: Annotated[int, Field(ge=1, le=35)]
    backup_window: DailyWindow
    maintenance_window: WeeklyWindow
    backup_plan: BackupSettings | None
    tls: bool
    certificate_authority: Annotated[str, Field(pattern=r"^rds-ca-[a-z0-9-]+$")]
    port: Annotated[int, Field(ge=1150, le=65535)]
    slow_query_milliseconds: Annotated[int, Field(ge=-1)]
    recovery_point_seconds: Annotated[int, Field(ge=20, le=2_147_483_647)] | None
    write_forwarding: bool
    insights: Literal["standard", "advanced"]
    insights_days: int
    monitoring_seconds: Literal[0, 1, 5, 10, 15, 30, 60]
    log_days: LogDays
    rotation_days: Annotated[int, Field(ge=1, le=1000)] | None

    @model_validator(mode="after")
    def _capacities(self) -> DatabaseSettings:
        if self.min_capacity > self.max_capacity:
            raise ValueError(
                f"min_capacity {self.min_capacity} exceeds max_capacity {self.max_capacity}; order them"
            )
        if self.is_global and self.min_capacity < _AWAKE:
            raise ValueError(
                f"min_capacity {self.min_capacity} lets a member of a global database pause, which it cannot;"
                f" use {_AWAKE} or more, or set global: false"
            )
        if (self.pause_after_seconds is not None) != (self.min_capacity == 0):
            raise ValueError(
                f"pause_after_seconds {self.pause_after_seconds} does not fit min_capacity"
                f" {self.min_capacity}; give seconds where the minimum is 0, and null elsewhere"
            )
        return self

    @model_validator(mode="after")
    def _what_a_global_database_alone_takes(self) -> DatabaseSettings:
        if not self.is_global and self.recovery_point_seconds is not None:
            raise ValueError(
                "recovery_point_seconds bounds the lag of a global database; set it to null, or global: true"
            )
        if not self.is_global and self.write_forwarding:
            raise ValueError(
                "write_forwarding is of secondaries of a global database; set it to false, or global: true"
            )
        return self

    @model_validator(mode="after")
    def _insights(self) -> DatabaseSettings:
        if self.insights_days not in _INSIGHTS_DAYS:
            raise ValueError(
                f"insights_days {self.insights_days} is no retention of Performance Insights;"
                " use 7, a multiple of 31 up to 713, or 731"
            )
        if self.insights == "advanced" and self.insights_days < _ADVANCED_DAYS:
            raise ValueError(
                f"insights_days {self.insights_days} is too short for advanced insights;"
                f" use {_ADVANCED_DAYS} or more, or insights: standard"
            )
        return self


class CacheSettings(Frozen):
    """Valkey: each region's own group, and the Global Datastore, of the same nodes."""

    node_type: Annotated[str, Field(pattern=r"^cache\.[a-z]+\d\w*\.\w+$")]
    engine_version: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    nodes: Annotated[int, Field(ge=1, le=6)]
    tls: bool
    port: Annotated[int, Field(ge=1024, le=65535)]
    snapshot_days: Annotated[int, Field(ge=0, le=35)]
    snapshot_window: DailyWindow
    maintenance_window: WeeklyWindow
    slow_command_microseconds: Annotated[int, Field(ge=-1)]
    log_days: LogDays

    def check(self, *, protect: bool, regions: Collection[str], datastore_regions: Collection[str]) -> None:
        """Raises MisfitError where the settings do not fit the regions, or what is protected."""
        if not datastore_regions and len(regions) > 1:
            raise MisfitError(
                "datastore_regions",
                "names none, and the regions share sessions and flags",
                "name the home region at least; [] is for an environment of one region",
            )
        if datastore_regions and re.match(r"^cache\.t\d", self.node_type):
            raise MisfitError(
                "cache.node_type",
                f"{self.node_type} is burstable, which a Global Datastore refuses",
                "use e.g. cache.r7g.large, or datastore_regions: [] in an environment of one region",
            )
        if self.nodes == 1 and (protect or datastore_regions):
            raise MisfitError(
                "cache.nodes",
                "is 1, which leaves nothing to fail over to",
                "use 2 or more; 1 is for an unprotected environment without a Global Datastore",
            )
        if protect and not self.tls:
            raise MisfitError(
                "cache.tls",
                "is false, and ElastiCache takes users with TLS only",
                "set it to true; false is for servers that are not ElastiCache's",
            )
