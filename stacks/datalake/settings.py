"""Configuration of the lake: lifecycle of each zone, in days."""

from __future__ import annotations

import itertools

from pydantic import model_validator

from stacks.settings import Days
from stacks.yaml_file import Frozen


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
