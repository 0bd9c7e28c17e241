"""The state of an operator as one file, which is there as a whole or not at all.

The file: eight bytes that say what it is, SHA-256 of the rest, and the rest in MessagePack. It has the next
offset of each partition and all that came of those before: whoever reads it goes on as if never stopped.
"""

import contextlib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from richesreach.stream.definitions import fingerprint
from richesreach.stream.partition import Partition

_MARK = b"RRSTREA2"
_HEAD = len(_MARK) + hashlib.sha256().digest_size


class SnapshotError(Exception):
    """A snapshot that cannot be continued. The message says what to do."""


class _Array(msgspec.Struct, frozen=True, array_like=True):
    dtype: str
    shape: list[int]
    data: bytes


class _Partition(msgspec.Struct, frozen=True, kw_only=True):
    offset: int
    latest: int
    symbols: list[str]
    sources: list[str]
    gaps: list[tuple[int, int, list[list[int]]]]
    given_up: list[tuple[int, int, int]]
    tallies: _Array
    sequences: dict[str, _Array]
    windows: dict[str, _Array]
    online: dict[str, _Array]
    indicators: list[dict[str, _Array]]
    epoch: int = 0


class State(msgspec.Struct, frozen=True, kw_only=True):
    """All there is of some partitions."""

    definitions: str
    partitions: dict[int, _Partition]


def captured(partitions: Mapping[int, Partition]) -> State:
    """A copy of all that there is of the partitions as they are now, which goes on being true."""
    return State(
        definitions=fingerprint(),
        partitions={number: _kept(partition) for number, partition in sorted(partitions.items())},
    )


def body(state: State) -> bytes:
    """To be written after `head`."""
    return msgspec.msgpack.encode(state)


def head(of: bytes) -> bytes:
    """What stands before a body, and tells whether all of it is there."""
    return _MARK + hashlib.sha256(of).digest()


def write(path: Path, partitions: Mapping[int, Partition]) -> int:
    """Replace the file at `path`; the bytes written. A crash at any moment leaves the old one or the new."""
    kept = body(captured(partitions))
    beside = path.with_name(f"{path.name}.new")
    with beside.open("wb") as file:
        file.write(head(kept))
        file.write(kept)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return _HEAD + len(kept)


def read(path: Path) -> dict[int, Partition]:
    """The partitions as they were; none where there is no file. Raises SnapshotError."""
    with contextlib.suppress(FileNotFoundError):
        return restored(path.name, path.read_bytes())
    return {}


def restored(name: str, raw: bytes) -> dict[int, Partition]:
    """The partitions of a head and its body. Raises SnapshotError, which calls them by `name`."""
    kept = raw[_HEAD:]
    if raw[:_HEAD] != head(kept):
        raise SnapshotError(
            f"{name} is damaged or no snapshot: remove it, and the topic is read from its beginning"
        )
    state = msgspec.msgpack.decode(kept, type=State)
    if state.definitions != fingerprint():
        raise SnapshotError(
            f"{name} was made under other definitions of bars and indicators: remove it, and the topic "
            "is read from its beginning, or run the version that made it"
        )
    return {number: _restored(kept) for number, kept in state.partitions.items()}


def _kept(partition: Partition) -> _Partition:
    symbols, sources = len(partition.reader.symbols), len(partition.reader.sources)
    sequences = partition.sequences
    return _Partition(
        offset=partition.offset,
        latest=partition.latest,
        epoch=partition.reader.epoch,
        symbols=list(partition.reader.symbols.names),
        sources=list(partition.reader.sources.names),
        gaps=[(*pair, [list(gap) for gap in gaps]) for pair, gaps in sorted(sequences.gaps.items()) if gaps],
        given_up=[(*pair, count) for pair, count in sorted(sequences.given_up.items())],
        tallies=_array(partition.tallies[:sources]),
        sequences=_packed(
            {"next": sequences.next[:sources, :symbols], "first": sequences.first[:sources, :symbols]}
        ),
        windows=_packed(partition.windows.arrays(symbols)),
        online=_packed(partition.online.arrays(symbols)),
        indicators=[
            _packed({name: array[..., :symbols] for name, array in one.history.arrays.items()})
            for one in partition.indicators
        ],
    )


def _restored(kept: _Partition) -> Partition:
    partition = Partition()
    partition.offset, partition.latest = kept.offset, kept.latest
    partition.reader.epoch = kept.epoch
    for names, known in (
        (partition.reader.symbols, kept.symbols),
        (partition.reader.sources, kept.sources),
    ):
        for name in known:
            names.number(name)
    partition.reserve()
    symbols, sources = len(kept.symbols), len(kept.sources)
    partition.tallies[:sources] = _unpacked(kept.tallies)
    for name, array in kept.sequences.items():
        getattr(partition.sequences, name)[:sources, :symbols] = _unpacked(array)
    partition.sequences.restore(
        {(source, symbol): gaps for source, symbol, gaps in kept.gaps},
        {(source, symbol): count for source, symbol, count in kept.given_up},
    )
    for name, array in kept.windows.items():
        whole = getattr(partition.windows, name)
        (whole[:, :symbols] if whole.ndim > 1 else whole)[...] = _unpacked(array)
    partition.windows.look()
    for name, array in kept.online.items():
        getattr(partition.online, name)[:symbols] = _unpacked(array)
    for indicators, arrays in zip(partition.indicators, kept.indicators, strict=True):
        for name, array in arrays.items():
            if name not in indicators.history.arrays:
                indicators.history.series(name)
            indicators.history.arrays[name][..., :symbols] = _unpacked(array)
    return partition


def _packed(arrays: Mapping[str, NDArray[Any]]) -> dict[str, _Array]:
    return {name: _array(array) for name, array in arrays.items()}


def _array(array: NDArray[Any]) -> _Array:
    return _Array(array.dtype.str, list(array.shape), array.tobytes())


def _unpacked(array: _Array) -> NDArray[Any]:
    return np.frombuffer(array.data, np.dtype(array.dtype)).reshape(array.shape)
