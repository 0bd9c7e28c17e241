"""How values stand in the cache: JSON or msgpack, after a readable line that says until when they are fresh.

    ~j1767225600000        format, and the time in Unix milliseconds until which the value is fresh
    {"symbol": "AAPL"}     the value

What has no such line is read as JSON that is fresh for as long as the server keeps it, so that other programs
can put plain values under the same keys.
"""

import functools
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

Value = TypeVar("Value")

_MARK = b"~"


class Format(StrEnum):
    """JSON can be read by people and everything else; msgpack is smaller and knows NaN and bytes."""

    JSON = "j"
    MSGPACK = "m"
    ABSENT = "0"


class UnreadableError(Exception):
    """What stands under the key is not a value of the wanted type: it is older, newer, or not ours."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An encoded value. `fresh_until` is in Unix seconds, infinite for a value without a line of ours."""

    payload: bytes
    format: Format
    fresh_until: float

    @property
    def absent(self) -> bool:
        """Whether this says that the source has no such value."""
        return self.format is Format.ABSENT

    def pack(self) -> bytes:
        return b"%b%b%d\n%b" % (
            _MARK,
            self.format.encode(),
            round(self.fresh_until * 1000),
            self.payload,
        )

    @classmethod
    def unpack(cls, raw: bytes) -> "Entry":
        """Raises UnreadableError for a line that is none of ours."""
        if not raw.startswith(_MARK):
            return cls(raw, Format.JSON, float("inf"))
        line, separator, payload = raw.partition(b"\n")
        try:
            entry = cls(payload, Format(line[1:2].decode()), int(line[2:]) / 1000)
        except ValueError as error:
            raise UnreadableError("its first line is not one of this cache") from error
        if not separator:
            raise UnreadableError("it ends within its first line")
        return entry


def encode(value: Any, form: Format = Format.JSON) -> bytes:
    """Dataclasses, msgspec structs, Decimal, datetime, UUID, enums and what JSON knows.

    Raises TypeError for anything else, ValueError for an integer beyond 64 bits in msgpack.
    """
    try:
        return _json.encode(value) if form is Format.JSON else _msgpack.encode(value)
    except OverflowError as error:
        raise ValueError(f"the cache cannot hold this number: {error}") from error


def decode(entry: Entry, wanted: type[Value]) -> Value:
    """The value as `wanted`; with `Any`, as plain JSON (Decimal and datetime are text then).

    Raises UnreadableError, also for a form of the type that an older or newer version wrote.
    """
    decoder: Any = _decoder
    try:
        value: Value = decoder(wanted, entry.format).decode(entry.payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableError(str(error)) from error
    return value


_json = msgspec.json.Encoder()
_msgpack = msgspec.msgpack.Encoder()


@functools.lru_cache(maxsize=256)
def _decoder(wanted: Any, form: Format) -> "msgspec.json.Decoder[Any] | msgspec.msgpack.Decoder[Any]":
    return msgspec.json.Decoder(wanted) if form is Format.JSON else msgspec.msgpack.Decoder(wanted)
