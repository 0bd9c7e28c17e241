"""CBOR (RFC 8949) for the server's CloudWatch, which speaks it with boto3 but does not install it.

Stands in for the module `cbor2` where that is absent: the definite-length items that the AWS SDKs exchange,
maps of text keys, and tag 1 (epoch seconds), which decodes to an aware datetime as there.
"""

from __future__ import annotations

import importlib.util
import struct
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_SIZES = {24: ("B", 1), 25: (">H", 2), 26: (">I", 4), 27: (">Q", 8)}
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}
_INDEFINITE = 31
_BREAK = object()


@dataclass(frozen=True)
class CBORTag:
    """A tagged value."""

    tag: int
    value: Any


def install() -> None:
    """Makes `import cbor2` find this module when the real one is not installed."""
    if importlib.util.find_spec("cbor2") is None:
        sys.modules["cbor2"] = sys.modules[__name__]


def dumps(value: Any) -> bytes:  # noqa: PLR0911, C901 - one return for each kind of item
    """Encodes a value. Raises TypeError for one that CBOR has no item for here."""
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        encoded = value.encode()
        return _head(3, len(encoded)) + encoded
    if isinstance(value, list | tuple):
        return _head(4, len(value)) + b"".join(dumps(item) for item in value)
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(dumps(key) + dumps(item) for key, item in value.items())
    if isinstance(value, datetime):
        return dumps(CBORTag(1, value.timestamp()))
    if isinstance(value, CBORTag):
        return _head(6, value.tag) + dumps(value.value)
    raise TypeError(f"CBOR has no item for {type(value).__name__}")


def loads(data: bytes) -> Any:
    """Decodes the first item of `data`. Raises ValueError when it is cut short."""
    return _read(_Bytes(data))


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for info, (form, size) in _SIZES.items():
        if number < 1 << 8 * size:
            return bytes([major << 5 | info]) + struct.pack(form, number)
    raise ValueError(f"{number} does not fit into 64 bits")


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise ValueError("CBOR ends in the middle of an item")
        self._at += count
        return taken


def _read(source: _Bytes) -> Any:  # noqa: PLR0911 - one return for each kind of item
    first = source.take(1)[0]
    major, info = first >> 5, first & 0x1F
    if major == 7:
        return _read_simple(source, info)
    count = None if info == _INDEFINITE else _number(source, info)
    if major == 0:
        return count
    if major == 1:
        return -1 - (count or 0)
    if major in (2, 3):
        raw = b"".join(_chunks(source)) if count is None else source.take(count)
        return raw if major == 2 else raw.decode()
    if major == 4:
        return _items(source, count)
    if major == 5:
        flat = _items(source, None if count is None else count * 2)
        return dict(zip(flat[::2], flat[1::2], strict=True))
    value = _read(source)
    return datetime.fromtimestamp(value, UTC) if count == 1 else CBORTag(count or 0, value)


def _read_simple(source: _Bytes, info: int) -> Any:
    if info == _INDEFINITE:
        return _BREAK
    if info in _FLOATS:
        form, size = _FLOATS[info]
        return struct.unpack(form, source.take(size))[0]
    if info in _SIMPLE:
        return _SIMPLE[info]
    raise ValueError(f"CBOR simple value {info} is not known here")


def _number(source: _Bytes, info: int) -> int:
    if info < 24:
        return info
    if info not in _SIZES:
        raise ValueError(f"CBOR additional information {info} is reserved")
    form, size = _SIZES[info]
    return int(struct.unpack(form, source.take(size))[0])


def _items(source: _Bytes, count: int | None) -> list[Any]:
    if count is not None:
        return [_read(source) for _ in range(count)]
    items: list[Any] = []
    while (item := _read(source)) is not _BREAK:
        items.append(item)
    return items


def _chunks(source: _Bytes) -> list[bytes]:
    return [chunk.encode() if isinstance(chunk, str) else chunk for chunk in _items(source, None)]
