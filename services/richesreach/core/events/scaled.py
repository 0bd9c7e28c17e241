"""Decimal numbers as integers: times 10^8, exactly or not at all; and which partition a symbol belongs to."""

import zlib
from decimal import Context, Decimal, InvalidOperation, Overflow, localcontext
from decimal import Inexact as InexactSignal

PLACES = 8
ONE = 10**PLACES
# What 64 bits with a sign hold.
LEAST, MOST = -(2**63), 2**63 - 1
_STEP = Decimal(1).scaleb(-PLACES)
# Enough digits for every number in range; whatever would have to be rounded is an error.
_EXACT = Context(prec=40, traps=[InvalidOperation, InexactSignal, Overflow])


class ScaleError(ValueError):
    """A number that has more than eight decimal places, is too large for 64 bits, or is none."""


def scaled(value: Decimal) -> int:
    """`value` times 10^8. Raises ScaleError; nothing is ever rounded."""
    try:
        found = int(_EXACT.quantize(value, _STEP).scaleb(PLACES, _EXACT))
    except (InvalidOperation, InexactSignal, Overflow, ValueError) as error:
        raise ScaleError(
            f"{str(value)[:40]} has no exact form of {PLACES} decimal places in 64 bits"
        ) from error
    if not LEAST <= found <= MOST:
        raise ScaleError(f"{str(value)[:40]} times 10^{PLACES} does not fit 64 bits")
    return found


def unscaled(number: int) -> Decimal:
    """The decimal number of which `number` is 10^8 times as much, with eight places."""
    with localcontext(_EXACT):
        return Decimal(number).scaleb(-PLACES)


def partition_of(symbol: str, partitions: int) -> int:
    """The partition of `market.ticks` for all packed ticks of `symbol`, whoever publishes them."""
    return zlib.crc32(symbol.encode()) % partitions
