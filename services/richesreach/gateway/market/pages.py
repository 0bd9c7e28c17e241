"""Pages of a list by a cursor, which is the sort key of the last item: no page moves when rows come or go."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

from richesreach.gateway.market.errors import CursorError, InvalidError

Item = TypeVar("Item")

DEFAULT_PAGE, MAX_PAGE = 20, 100
_MAX_CURSOR = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """`cursors` has one an item."""

    items: tuple[Item, ...]
    cursors: tuple[str, ...]
    more: bool

    @property
    def next(self) -> str | None:
        return self.cursors[-1] if self.more else None


def size(first: int | None) -> int:
    """Raises InvalidError."""
    if first is None:
        return DEFAULT_PAGE
    if not 1 <= first <= MAX_PAGE:
        raise InvalidError(f"A page has 1 to {MAX_PAGE} items, not {first}.")
    return first


def page(rows: Sequence[Item], count: int, cursor: Callable[[Item], str]) -> Page[Item]:
    """The page of `count` from rows that were asked for one more than that."""
    items = tuple(rows[:count])
    return Page(items, tuple(cursor(item) for item in items), len(rows) > count)


def by_name(kind: str, name: str) -> str:
    return _pack(kind, name)


def by_time(kind: str, at: datetime, item: UUID | None = None) -> str:
    """Times in whole microseconds, as Postgres keeps them."""
    micros = (at - _EPOCH) // (datetime.resolution)
    return _pack(kind, micros, item.hex if item else "")


def name_after(kind: str, cursor: str | None) -> str | None:
    """Raises CursorError."""
    if cursor is None:
        return None
    name = _unpack(kind, cursor, tuple[str, str])[1]
    if "\x00" in name:
        raise CursorError
    return name


def time_after(kind: str, cursor: str | None) -> tuple[datetime, UUID] | None:
    """Raises CursorError."""
    if cursor is None:
        return None
    _, micros, item = _unpack(kind, cursor, tuple[str, int, str])
    try:
        return _EPOCH + micros * datetime.resolution, UUID(item or "0" * 32)
    except (OverflowError, ValueError) as error:
        raise CursorError from error


def _pack(*parts: str | int) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode().rstrip("=")


def _unpack(kind: str, cursor: str, wanted: type[Item]) -> Item:
    if len(cursor) > _MAX_CURSOR or not cursor.isascii():
        raise CursorError
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = msgspec.json.decode(raw, type=wanted)
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise CursorError from error
    if parts[0] != kind:  # type: ignore[index]
        raise CursorError
    return parts
