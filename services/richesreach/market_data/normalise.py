"""Numbers as vendors write them, made into integers times 10^8; and the times that they may bear."""

import math
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from richesreach.core.events.scaled import MOST, ONE

# Below it a double times 10^8 is off by less than a half, so that rounding finds the eight places exactly.
_PLAIN = 2.0**24
_ROUNDED = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])
_STEP = Decimal("1E-8")
# Before the point, and after it.
MOST_DIGITS = 40
# Unix nanoseconds of the years 2000 and 2200: whatever is outside is in another unit, or nonsense.
EARLIEST, LATEST = 946_684_800_000_000_000, 7_258_118_400_000_000_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000


class UnfitError(ValueError):
    """A figure that no tick can have."""


def price_of(value: float | str | Decimal) -> int:
    """A price above zero, to the nearest of eight places. Raises UnfitError."""
    found = _scaled("price", value)
    if found <= 0:
        raise UnfitError(f"price {_shown(value)} is not above zero")
    return found


def size_of(value: float | str | Decimal) -> int:
    """A size, never below zero, to the nearest of eight places. Raises UnfitError."""
    found = _scaled("size", value)
    if found < 0:
        raise UnfitError(f"size {_shown(value)} is below zero")
    return found


def time_of(value: int, unit: int) -> int:
    """Unix nanoseconds of `value` times `unit` nanoseconds. Raises UnfitError."""
    found = value * unit
    if not EARLIEST <= found < LATEST:
        raise UnfitError(f"time {_shown(value)} is in another unit or century")
    return found


def decimal_of(value: float | str | Decimal) -> Decimal:
    """As it is written. Raises UnfitError for what is no number, for infinities, and for what would have more
    digits than anybody means if it were written out.
    """
    found = _decimal(value)
    if found.adjusted() > MOST_DIGITS or found.as_tuple().exponent < -MOST_DIGITS:  # type: ignore[operator]
        raise UnfitError(f"{_shown(value)} has more than {MOST_DIGITS} digits before or after its point")
    return found


def _decimal(value: float | str | Decimal) -> Decimal:
    try:
        found = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation as error:
        raise UnfitError(f"{_shown(value)} is no number") from error
    if not found.is_finite():
        raise UnfitError(f"{_shown(value)} is no finite number")
    return found


def _scaled(what: str, value: float | str | Decimal) -> int:
    if isinstance(value, float) and -_PLAIN < value < _PLAIN:
        return round(value * float(ONE))
    found: int
    if isinstance(value, int):
        found = value * ONE
    else:
        if isinstance(value, float) and not math.isfinite(value):
            raise UnfitError(f"{what} {value} is no finite number")
        try:
            found = int(_ROUNDED.quantize(_decimal(value), _STEP).scaleb(8, _ROUNDED))
        except InvalidOperation as error:
            raise UnfitError(f"{what} {_shown(value)} is too large") from error
    if abs(found) > MOST:
        raise UnfitError(f"{what} {_shown(value)} is too large")
    return found


def _shown(value: object) -> str:
    """Bounded: a vendor may send a number of a million digits."""
    try:
        return str(value)[:40]
    except ValueError:
        return "of too many digits"
