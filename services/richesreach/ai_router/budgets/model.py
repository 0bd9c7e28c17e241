"""The words of budgets. Money is whole microdollars; instants are Unix seconds unless they say otherwise."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import msgspec

from richesreach.ai_router.model import Caller

if TYPE_CHECKING:
    from richesreach.ai_router.budgets.plan import Plan

# Of a limit: what is left below it makes the budget a low one, unless the budget says otherwise.
LOW_SHARE = 0.2


class Period(enum.StrEnum):
    """For how long a limit lasts, by UTC's calendar; `total` is for good."""

    DAY = "day"
    MONTH = "month"
    TOTAL = "total"

    def began(self, now: datetime) -> datetime | None:
        """When the period that `now` is in began; None for `total`."""
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        match self:
            case Period.DAY:
                return day
            case Period.MONTH:
                return day.replace(day=1)
            case _:
                return None

    def ends(self, now: datetime) -> datetime | None:
        """When the limit is whole again; None for `total`."""
        began = self.began(now)
        if began is None:
            return None
        if self is Period.DAY:
            return datetime.fromtimestamp(began.timestamp() + 86_400, UTC)
        return began.replace(year=began.year + began.month // 12, month=began.month % 12 + 1)


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Who a limit is for: an organisation, one of its teams, or one key of a team."""

    org: str
    team: str | None = None
    key: str | None = None

    @property
    def level(self) -> str:
        return "org" if self.team is None else "team" if self.key is None else "key"

    @property
    def name(self) -> str:
        """`acme`, `acme/research` or `acme/research/<key>`."""
        return "/".join(part for part in (self.org, self.team, self.key) if part is not None)

    @classmethod
    def above(cls, caller: Caller) -> tuple[Self, Self, Self]:
        """Every scope that the caller's requests count in, widest first."""
        org, team, key = caller.org, caller.team, caller.key
        return cls(org), cls(org, team), cls(org, team, key)


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit in microdollars for each period; `low_share` of it left makes it a low one."""

    scope: Scope
    limit: int
    period: Period = Period.MONTH
    low_share: float = LOW_SHARE


@dataclass(frozen=True, slots=True)
class Standing:
    """What may still be spent, in microdollars; None where nothing limits it.

    `low` asks for cheaper models: little is left of one of the budgets above the caller.
    """

    left: int | None = None
    low: bool = False


UNLIMITED = Standing()


class Reservation(msgspec.Struct, frozen=True, gc=False):
    """Money set aside for one request until it is settled, or until `expires`, when it counts as spent.

    `held` says who holds it: `""` is nobody, for a caller whom nothing limits.
    """

    id: str
    caller: Caller
    microdollars: int
    expires: float
    standing: Standing
    held: str
    plan: "Plan"


class BudgetExhaustedError(Exception):
    """The request would cost more than is left of a budget: 402. `details` are for the caller."""

    def __init__(
        self, scope: Scope, *, limit: int, settled: int, reserved: int, asked: int, resets: datetime | None
    ) -> None:
        self.scope, self.limit, self.settled, self.reserved = scope, limit, settled, reserved
        self.asked, self.resets = asked, resets
        again = f"; it is whole again at {resets:%Y-%m-%dT%H:%M:%SZ}" if resets else ""
        super().__init__(
            f"The budget of {scope.level} {scope.name} has {dollars(self.left)} USD left of {dollars(limit)},"
            f" and the request may cost {dollars(asked)}{again}."
        )

    @property
    def left(self) -> int:
        return max(0, self.limit - self.settled - self.reserved)

    @property
    def details(self) -> Mapping[str, Any]:
        """As JSON: amounts in microdollars, `resets_at` in RFC 3339 or null."""
        return {
            "level": self.scope.level,
            "scope": self.scope.name,
            "limit_microdollars": self.limit,
            "settled_microdollars": self.settled,
            "reserved_microdollars": self.reserved,
            "left_microdollars": self.left,
            "asked_microdollars": self.asked,
            "resets_at": self.resets.strftime("%Y-%m-%dT%H:%M:%SZ") if self.resets else None,
        }


class BudgetsUnavailableError(Exception):
    """Nobody can say what is left, and what may be spent unasked is used up: 503, worth trying again."""


def dollars(microdollars: int) -> str:
    """As a decimal string of US dollars: 1_250_000 is `1.25`, and nothing is `0`."""
    whole, part = divmod(abs(microdollars), 1_000_000)
    text = f"{whole}.{part:06d}".rstrip("0").rstrip(".")
    return f"-{text}" if microdollars < 0 else text
