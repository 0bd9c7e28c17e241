"""Which features an online vector has, and reading one value of it: without numpy, for whoever needs no more.

`vectors.py` reads and writes many at a time. The operator of `stream` alone writes what is below the keys of
`SHAPE`; a change of the names is a new version, whose vectors stand under keys of their own.
"""

import hashlib
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

# The layout's number, event time and offset, before the values.
_HEAD = struct.Struct("<Qqq")


class VectorError(ValueError):
    """Bytes that are no vector of this layout, or a row that lacks a feature."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One feature of one vector, as of an event time (Unix nanoseconds) and offset."""

    value: float
    time: int
    offset: int


class Shape:
    """Names of features in their order. Another version or order is another shape, with another number."""

    def __init__(self, version: int, names: Sequence[str]) -> None:
        if len(set(names)) != len(names) or not names:
            raise VectorError("a layout has one feature or more, and none of them twice")
        self.version, self.names = version, tuple(names)
        digest = hashlib.sha256("\n".join([str(version), *names]).encode()).digest()
        self.number = int.from_bytes(digest[:8], "little")
        self.size = _HEAD.size + 8 * len(names)
        self.prefix = f"vectors:{self.number:016x}:"

    def key(self, entity: str) -> str:
        """Of the entity's vector in the cache. Layouts have keys of their own, and can live side by side."""
        return self.prefix + entity

    def head(self, raw: bytes) -> tuple[int, int]:
        """Event time and offset of one vector. Raises VectorError."""
        if len(raw) != self.size:
            raise VectorError(f"a vector of layout {self.number:016x} has {self.size} bytes, not {len(raw)}")
        number, time, offset = _HEAD.unpack_from(raw)
        if number != self.number:
            raise VectorError(f"the vector has layout {number:016x} and not {self.number:016x}")
        return time, offset

    def reading(self, raw: bytes, name: str) -> Reading | None:
        """The feature `name` of one vector; None where it has no value. Raises VectorError."""
        time, offset = self.head(raw)
        (value,) = struct.unpack_from("<d", raw, _HEAD.size + 8 * self.names.index(name))
        return None if math.isnan(value) else Reading(value, time, offset)


_OF_A_BAR = ("open", "high", "low", "close", "volume", "vwap", "ticks")
_INDICATORS = (
    "sma_20",
    "sma_50",
    "ema_12",
    "ema_26",
    "rsi_14",
    "macd",
    "macd_signal",
    "macd_histogram",
    "bollinger_upper",
    "bollinger_middle",
    "bollinger_lower",
    "vwap_20",
    "realised_volatility_20",
    "regime",
)
VERSION = 1
PRICE = "price"
# Those of 1h move too slowly to be worth a place in every read.
NAMES = (
    PRICE,
    *(f"{column}_1m" for column in _OF_A_BAR),
    *(f"{indicator}_{interval}" for interval in ("1s", "1m", "5m") for indicator in _INDICATORS),
)
SHAPE = Shape(VERSION, NAMES)
