"""Reads what a Prometheus sender writes: a snappy block around a protobuf message.

Formats: "Snappy compressed format description" (google/snappy), "Encoding" of Protocol Buffers, and
"Prometheus Remote-Write 1.0": WriteRequest.timeseries = 1, TimeSeries.labels = 1, Label.name = 1, .value = 2.
"""

from __future__ import annotations

from collections.abc import Iterator


def series(body: bytes) -> list[dict[str, str]]:
    """Labels of each time series of a request."""
    return [
        {_text(label, 1): _text(label, 2) for label in _fields(one, 1)}
        for one in _fields(decompress(body), 1)
    ]


def decompress(block: bytes) -> bytes:
    """A snappy block: its length, then literals and copies of what was written before."""
    length, at = _varint(block, 0)
    out = bytearray()
    while at < len(block):
        tag, at = block[at], at + 1
        kind, size = tag & 3, tag >> 2
        if kind == 0:
            if size >= 60:
                wide = size - 59
                size, at = int.from_bytes(block[at : at + wide], "little"), at + wide
            out += block[at : at + size + 1]
            at += size + 1
            continue
        if kind == 1:
            offset, at, size = (tag >> 5) << 8 | block[at], at + 1, (size & 7) + 4
        else:
            wide = 2 if kind == 2 else 4
            offset, at, size = int.from_bytes(block[at : at + wide], "little"), at + wide, size + 1
        for _ in range(size):  # byte by byte: a copy may read what it writes
            out.append(out[-offset])
    if len(out) != length:
        raise ValueError(f"{len(out)} bytes where the block promises {length}")
    return bytes(out)


def _fields(message: bytes, wanted: int) -> Iterator[bytes]:
    """Values of the length-delimited field ``wanted``; the others are passed over."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 2:
            size, at = _varint(message, at)
            if key >> 3 == wanted:
                yield message[at : at + size]
            at += size
        elif kind == 0:
            _, at = _varint(message, at)
        else:
            at += 8 if kind == 1 else 4


def _text(message: bytes, field: int) -> str:
    return next(_fields(message, field), b"").decode()


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
