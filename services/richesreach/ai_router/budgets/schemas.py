"""What the routes of budgets take and answer."""

from datetime import datetime
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from richesreach.ai_router.budgets.model import LOW_SHARE, Period

_NAME = r"^[A-Za-z0-9:_.-]{1,128}$"
Name = Annotated[str, StringConstraints(pattern=_NAME)]
OrgName = Annotated[str, Path(pattern=_NAME, description="The organisation; of who belongs to none, its id.")]
TeamName = Annotated[str, Path(pattern=_NAME)]
KeyName = Annotated[str, Path(pattern=_NAME, description="An API key's id, or a user's.")]
Subject = Annotated[str, Path(pattern=r"^[A-Za-z0-9:_-]{1,128}$")]


def _number(value: object) -> object:
    """JSON tells numbers from texts and from `true`, which Python counts as 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is no number")  # noqa: TRY004 (what was sent, not an argument)
    return value


class NewBudget(BaseModel):
    """A limit in microdollars (1 USD is 1,000,000) for each period; `low_share` of it left is little."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"limit_microdollars": 25_000_000, "period": "month"}]},
    )

    limit_microdollars: Annotated[int, BeforeValidator(_number), Field(ge=0, le=10**15)]
    period: Period = Period.MONTH
    low_share: Annotated[float, BeforeValidator(_number), Field(ge=0, le=1)] = LOW_SHARE


class ShownBudget(BaseModel):
    """A budget and what its account stands at; the sums are null where the writer region does not answer."""

    level: str
    org: str
    team: str | None
    key: str | None
    period: Period
    limit_microdollars: int
    low_share: float
    settled_microdollars: int | None
    reserved_microdollars: int | None
    left_microdollars: int | None
    low: bool | None
    resets_at: datetime | None


class BudgetList(BaseModel):
    """`complete` is false where there are more than fit."""

    budgets: list[ShownBudget]
    complete: bool = True


class Membership(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"org": "acme", "team": "quants"}]}
    )

    org: Name
    team: Name
