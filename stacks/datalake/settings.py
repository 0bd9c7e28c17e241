"""Configuration of the lake: lifecycle of each zone in days, and what of S3's options is turned on.

The defaults are those of docs/data-lake.md; a test compares the two.
"""

from __future__ import annotations

import itertools
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from stacks.datalake.replication_settings import ReplicationSettings
from stacks.settings import Days
from stacks.yaml_file import Frozen, MisfitError

_ORIGIN = re.compile(r"^https?://[a-z0-9*.-]+(:\d{1,5})?$")


class ZoneLifecycle(Frozen):
    """Days after which an object of a lake zone moves down a storage class. S3 demands 30 days in
    Standard before Standard-IA and bills 90 days in Glacier before Deep Archive. ``intelligent_tiering``
    replaces the steps: S3 then moves each object by how it is read."""

    standard_ia: Days | None = None
    glacier_instant: Days | None = None
    glacier: Days | None = None
    deep_archive: Days | None = None
    intelligent_tiering: Days | None = None
    expire: Days | None = None

    @model_validator(mode="after")
    def _ordered(self) -> ZoneLifecycle:
        steps = [
            (name, value)
            for name in ("standard_ia", "glacier_instant", "glacier", "deep_archive", "expire")
            if (value := getattr(self, name)) is not None
        ]
        for (earlier, before), (later, after) in itertools.pairwise(steps):
            if after <= before:
                raise ValueError(
                    f"{later} ({after} days) does not come after {earlier} ({before} days); order the days"
                )
        if self.standard_ia is not None and self.standard_ia < 30:
            raise ValueError(f"standard_ia is {self.standard_ia} days; S3 demands at least 30")
        archived = self.glacier or self.glacier_instant
        if archived and self.deep_archive and self.deep_archive - archived < 90:
            raise ValueError(
                "deep_archive comes less than 90 days after glacier; S3 bills 90 days of Glacier"
            )
        self._one_way()
        return self

    def _one_way(self) -> None:
        if self.intelligent_tiering is None:
            return
        for name in ("standard_ia", "glacier_instant", "glacier", "deep_archive"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"{name} and intelligent_tiering are both set; S3 moves an object one way, keep one"
                )
        if self.expire is not None and self.expire <= self.intelligent_tiering:
            raise ValueError("expire does not come after intelligent_tiering; order the days")


class LakeZones(Frozen):
    """Lifecycle of each zone of the lake, by prefix."""

    raw: ZoneLifecycle = ZoneLifecycle(standard_ia=30, glacier=90, deep_archive=365)
    processed: ZoneLifecycle = ZoneLifecycle(standard_ia=60, glacier=180, deep_archive=730)
    curated: ZoneLifecycle = ZoneLifecycle(standard_ia=90, glacier_instant=365)
    metadata: ZoneLifecycle = ZoneLifecycle()


class ObjectLock(Frozen):
    """Retention that nobody shortens (compliance) or only who may bypass it (governance)."""

    mode: Literal["governance", "compliance"]
    days: Days


class ArchiveTiers(Frozen):
    """Days without a read after which Intelligent-Tiering archives an object (S3 user guide: 90 to 730
    for Archive Access, 180 to 730 for Deep Archive Access)."""

    archive: Annotated[int, Field(ge=90, le=730)] | None = None
    deep_archive: Annotated[int, Field(ge=180, le=730)] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> ArchiveTiers:
        if self.archive is None and self.deep_archive is None:
            raise ValueError("neither tier is given; set archive or deep_archive, or drop the section")
        if self.archive and self.deep_archive and self.deep_archive <= self.archive:
            raise ValueError("deep_archive does not come after archive; order the days")
        return self


def _origin(value: str) -> str:
    if not _ORIGIN.match(value) or value.count("*") > 1:
        raise ValueError(f"{value!r} is no web origin; write one such as https://app.example.com")
    return value


class CorsRule(Frozen):
    """Web origins that may read the lake from a browser, with the requests they sign."""

    origins: Annotated[list[Annotated[str, AfterValidator(_origin)]], Field(min_length=1)]
    methods: tuple[Literal["GET", "HEAD", "PUT", "POST"], ...] = Field(default=("GET", "HEAD"), min_length=1)
    headers: tuple[str, ...] = ("authorization", "range")
    max_age_seconds: Annotated[int, Field(ge=0, le=86400)] = 3600


class QuerySettings(Frozen):
    """Athena: a query that would scan more is cancelled (Athena takes 10 MB to 7 EB); results expire."""

    scan_limit_gb: Annotated[float, Field(ge=0.01, le=1_000_000)] = 100
    result_days: Days = 7


class LakeSettings(Frozen):
    zones: LakeZones = LakeZones()
    noncurrent_days: Days = 90
    noncurrent_versions: Annotated[int, Field(ge=1, le=100)] | None = None
    abort_upload_days: Days = 7
    replaced_days: Days = 7
    log_days: Days = 365
    retention_minimum_days: Annotated[int, Field(ge=0, le=36500)] = 0
    object_lock: ObjectLock | None = None
    archive_tiers: ArchiveTiers | None = None
    cors: tuple[CorsRule, ...] = ()
    inventory: Literal["daily", "weekly"] | None = "weekly"
    request_metrics: bool = True
    events: bool = False
    query: QuerySettings = QuerySettings()
    replication: ReplicationSettings = ReplicationSettings()

    @model_validator(mode="after")
    def _fits(self) -> LakeSettings:
        zones = {name: getattr(self.zones, name) for name in LakeZones.model_fields}
        kept = {f"zones.{name}.expire": zone.expire for name, zone in zones.items()}
        if self.object_lock is not None:
            kept["object_lock.days"] = self.object_lock.days
        for key, days in kept.items():
            if days is not None and days < self.retention_minimum_days:
                raise MisfitError(
                    key,
                    f"{days} days is shorter than the retention minimum of {self.retention_minimum_days}",
                    "keep the data longer, or lower lake.retention_minimum_days",
                )
        if self.archive_tiers and not any(zone.intelligent_tiering for zone in zones.values()):
            raise MisfitError(
                "archive_tiers",
                "no zone moves its objects to Intelligent-Tiering",
                "set zones.<zone>.intelligent_tiering, or drop the section",
            )
        if self.object_lock is not None:
            for key, days in kept.items():
                if days is not None and days < self.object_lock.days:
                    raise MisfitError(
                        key,
                        f"{days} days ends before the lock of {self.object_lock.days} days does",
                        "expire after the lock: S3 keeps a locked version whatever the lifecycle says",
                    )
        return self

    def check(self, *, protect: bool, regions: list[str]) -> None:
        """What depends on the rest of the environment.

        Raises:
            MisfitError: the lake's options do not fit the environment.
        """
        if self.object_lock is not None and self.object_lock.mode == "compliance" and not protect:
            raise MisfitError(
                "lake.object_lock.mode",
                "compliance mode keeps every object until its day, also from `destroy`",
                "use governance, or set protect: true",
            )
        self.replication.check(regions)
