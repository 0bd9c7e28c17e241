"""Values that the configuration of several areas shares."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stacks.yaml_file import Frozen

Days = Annotated[int, Field(ge=1, le=36500)]

#: Log retentions that CloudWatch Logs accepts, in days.
LogDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653]


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
