"""Configuration of the Flink job that makes bars and indicators."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from stacks.settings import LogDays
from stacks.yaml_file import Frozen

#: KPUs that an application may grow to in a new account; the job manager takes one more, which is billed
#: and not counted (Managed Service for Apache Flink quotas).
MOST_KPUS = 64


class FlinkSettings(Frozen):
    """Managed Service for Apache Flink. ``parallelism`` is that of its first start: auto scaling goes on."""

    parallelism: Annotated[int, Field(ge=1, le=256)]
    parallelism_per_kpu: Annotated[int, Field(ge=1, le=8)]
    auto_scaling: bool
    running: bool
    #: Start with what a snapshot has of the job as it is now, and forget the rest.
    allow_non_restored_state: bool
    checkpoint_seconds: Annotated[int, Field(ge=10, le=600)]
    watermark_seconds: Annotated[int, Field(ge=10)]
    log_days: LogDays

    @property
    def kpus(self) -> int:
        """At its first start, without that of the job manager."""
        return -(-self.parallelism // self.parallelism_per_kpu)

    @model_validator(mode="after")
    def _size(self) -> FlinkSettings:
        if self.kpus > MOST_KPUS:
            raise ValueError(
                f"parallelism {self.parallelism} takes {self.kpus} KPUs, and an application has at most"
                f" {MOST_KPUS}; raise parallelism_per_kpu"
            )
        return self
