"""What sources say, before and after it is checked."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

from richesreach.core.limits.gcra import Tier


class State(StrEnum):
    """`idle` before it is started and after it was ended; `failed` until somebody mends its key or plan."""

    IDLE = "idle"
    DISABLED = "disabled"
    CONNECTING = "connecting"
    LIVE = "live"
    BACK_OFF = "back-off"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is known of a source without asking it.

    `licence` goes with every record, and says who may see it. `key_variable` names the environment's variable
    with its key; None where the vendor asks for none. `pace` limits our requests to it. `contiguous`: its own
    numbers count without gaps by symbol, so that they show what was lost on the way to us. `observed`: it is
    asked for prices, which hold as of when they came; the vendor's own time is too old to be one of a bar.
    `environments`: the only ones it runs in; empty for all. `late_plans`: it has some that tell trades late.
    `lacks`: why it runs nowhere, if so.
    """

    name: str
    licence: str
    documentation: str
    pace: Tier
    key_variable: str | None = None
    contiguous: bool = False
    observed: bool = False
    environments: frozenset[str] = frozenset()
    late_plans: bool = False
    lacks: str = ""


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A trade, or a new price, as an adapter has understood it. `size` 0: a price alone.

    `price` and `size` are times 10^8, `happened` is Unix nanoseconds by the vendor's clock. `number` is the
    vendor's own, unique by symbol and increasing; None where it has none.
    """

    symbol: str
    venue: str
    price: int
    size: int
    happened: int
    number: int | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that is no price: a country's emissions, the mood of a market.

    `subject` is what it is about (`USA`, `CRYPTO`), `name` what it says; `happened` and `received` are Unix
    nanoseconds.
    """

    source: str
    licence: str
    subject: str
    name: str
    value: Decimal
    happened: int
    received: int


Record = Trade | Reading


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something that a source said and that is not taken: it goes to the dead letters with its reason."""

    source: str
    reason: Literal["undecodable", "refused"]
    error: str
    said: bytes
