"""Feature vectors as bytes: one value in a cache has all features of one entity, so that one MGET reads many.

A vector is little-endian: the layout's number (8 bytes), the event time in Unix nanoseconds and the offset of
the message as of which it holds (8 bytes each, with a sign), and the features as 64-bit floats in the
layout's order. NaN, which has one form only, stands for a feature without a value.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from richesreach.core.layout import NAMES, VERSION, Shape, VectorError

__all__ = ["ONLINE", "Floats", "Integers", "Layout", "VectorError", "Vectors", "canonical"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
# Words of 8 bytes before the features: layout, event time, offset.
_HEAD_WORDS = 3


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors that were asked for, row by row; `present` is False, and the row NaN, where there was none."""

    present: NDArray[np.bool_]  # (n)
    times: Integers  # (n)
    offsets: Integers  # (n)
    values: Floats  # (n, features)


class Layout(Shape):
    """Reads and writes many vectors of one shape at a time."""

    def __init__(self, version: int, names: Sequence[str]) -> None:
        super().__init__(version, names)
        # The number as it is read among integers with a sign.
        self._mark = int.from_bytes(self.number.to_bytes(8, "little"), "little", signed=True)
        self._dtype = np.dtype(
            [("layout", "<u8"), ("time", "<i8"), ("offset", "<i8"), ("values", "<f8", (len(names),))]
        )

    def encode(self, times: Integers, offsets: Integers, values: Floats) -> list[bytes]:
        """One value for each row of (n), (n) and (n, features)."""
        packed = np.empty(len(values), self._dtype)
        packed["layout"], packed["time"], packed["offset"] = self.number, times, offsets
        packed["values"] = canonical(values)
        # Each row as bytes of its own.
        vectors: list[bytes] = packed.view(f"V{self.size}").tolist()
        return vectors

    def decode(self, raw: Sequence[bytes | None]) -> Vectors:
        """What MGET answered. Raises VectorError for what is no vector of this layout.

        The arrays are the caller's to change.
        """
        whole = None not in raw
        found = cast("Sequence[bytes]", raw) if whole else [one for one in raw if one is not None]
        if not {self.size}.issuperset(map(len, found)):
            raise VectorError(
                f"a vector of layout {self.number:016x} has {self.size} bytes, and one that was read has not"
            )
        words = np.frombuffer(bytearray().join(found), "<i8").reshape(len(found), self.size // 8)
        if (words[:, 0] != self._mark).any():
            raise VectorError(f"a vector that was read has another layout than {self.number:016x}")
        features = words.view("<f8")[:, _HEAD_WORDS:]
        if whole:
            return Vectors(np.ones(len(raw), np.bool_), words[:, 1], words[:, 2], features)
        present = np.array([one is not None for one in raw], np.bool_)
        times, offsets = np.full(len(raw), -1, np.int64), np.full(len(raw), -1, np.int64)
        values = np.full((len(raw), len(self.names)), np.nan)
        times[present], offsets[present], values[present] = words[:, 1], words[:, 2], features
        return Vectors(present, times, offsets, values)

    def features(self, raw: bytes) -> Floats:
        """The features (1, features), not to be changed, of one vector whose head was read."""
        return np.frombuffer(raw, "<f8", len(self.names), 8 * _HEAD_WORDS).reshape(1, -1)

    def of_row(self, row: Mapping[str, float | int | None]) -> Floats:
        """The features (1, features) of a row of an offline table, whose further columns are left out.

        Raises VectorError for one that lacks a feature. None is a feature without a value.
        """
        lacking = [name for name in self.names if name not in row]
        if lacking:
            raise VectorError(f"the row lacks {', '.join(lacking[:5])}")
        return np.array([[np.nan if row[name] is None else row[name] for name in self.names]], np.float64)

    def skew_hash(self, entity: str, time: int, values: Floats) -> str:
        """SHA-256 of what a model would be given: the same online and offline, or there is skew.

        `values` is (features) or (1, features); time in Unix nanoseconds.
        """
        digest = hashlib.sha256(f"{self.number:016x}\n{entity}\n{time}\n".encode())
        digest.update(canonical(values).astype("<f8").tobytes())
        return digest.hexdigest()


def canonical(values: Floats) -> Floats:
    """A copy in which NaN has one form, and zero no sign."""
    made: Floats = values + 0.0
    np.copyto(made, np.nan, where=np.isnan(made))
    return made


ONLINE = Layout(VERSION, NAMES)
