"""Bars as rows of integers, and how two of them, or ticks, are folded into one.

A row has what `definitions.COLUMNS` has, and the keys of its first and last tick: event time, source,
sequence. By them a fold gives the same row in whichever order its parts came.
"""

import numpy as np
from numpy.typing import NDArray

from richesreach.stream import wide
from richesreach.stream.ticks import Ticks
from richesreach.stream.wide import Integers

# Places in a row. The price comes before its key: time, source, sequence.
OPEN, OPEN_TIME, OPEN_SOURCE, OPEN_SEQUENCE = 0, 1, 2, 3
CLOSE, CLOSE_TIME, CLOSE_SOURCE, CLOSE_SEQUENCE = 4, 5, 6, 7
HIGH, LOW, TICKS = 8, 9, 10
VOLUME = slice(11, 11 + wide.OF_SIZE)
NOTIONAL = slice(VOLUME.stop, VOLUME.stop + wide.OF_PRODUCT)
WIDTH: int = NOTIONAL.stop
_OPENING, _CLOSING, _SUMS = slice(OPEN, CLOSE), slice(CLOSE, HIGH), slice(TICKS, WIDTH)

_MOST, _LEAST = np.iinfo(np.int64).max, np.iinfo(np.int64).min
# What anything can be folded into and stays as it is.
EMPTY = np.zeros(WIDTH, np.int64)
EMPTY[OPEN_TIME], EMPTY[CLOSE_TIME], EMPTY[HIGH], EMPTY[LOW] = _MOST, -1, _LEAST, _MOST


def empty(*shape: int) -> Integers:
    """That many empty rows."""
    return np.broadcast_to(EMPTY, (*shape, WIDTH)).copy()


def fold(into: Integers, rows: Integers, rank: Integers) -> None:
    """Fold each row into the row beside it, in place; `rank` orders the sources by their names."""
    earlier = precedes(rows[:, _OPENING], into[:, _OPENING], rank)
    np.copyto(into[:, _OPENING], rows[:, _OPENING], where=earlier[:, np.newaxis])
    later = precedes(into[:, _CLOSING], rows[:, _CLOSING], rank)
    np.copyto(into[:, _CLOSING], rows[:, _CLOSING], where=later[:, np.newaxis])
    np.maximum(into[:, HIGH], rows[:, HIGH], out=into[:, HIGH])
    np.minimum(into[:, LOW], rows[:, LOW], out=into[:, LOW])
    into[:, _SUMS] += rows[:, _SUMS]


def carry(rows: Integers) -> None:
    """Bring the wide sums of the rows into their one form, in place."""
    wide.carry(rows[:, VOLUME])
    wide.carry(rows[:, NOTIONAL])


def of_ticks(starts: Integers, ticks: Ticks) -> Integers:
    """One row for each run of ticks; runs begin at `starts`, and within one the ticks are in order."""
    count, price, sizes = len(ticks), ticks.price, wide.split(ticks.size)
    notionals = wide.product(price, ticks.size)
    rows = np.empty((len(starts), WIDTH), np.int64)
    for place, column in enumerate((price, ticks.event, ticks.source, ticks.sequence)):
        rows[:, OPEN + place] = column[starts]
    if len(starts) == count:
        rows[:, _CLOSING] = rows[:, _OPENING]
        rows[:, HIGH] = rows[:, LOW] = price
        rows[:, TICKS] = 1
        rows[:, VOLUME], rows[:, NOTIONAL] = sizes.T, notionals.T
        return rows
    ends = np.append(starts[1:], count) - 1
    for place, column in enumerate((price, ticks.event, ticks.source, ticks.sequence)):
        rows[:, CLOSE + place] = column[ends]
    rows[:, HIGH] = np.maximum.reduceat(price, starts)
    rows[:, LOW] = np.minimum.reduceat(price, starts)
    rows[:, TICKS] = ends - starts + 1
    rows[:, VOLUME] = np.add.reduceat(sizes, starts, axis=1).T
    rows[:, NOTIONAL] = np.add.reduceat(notionals, starts, axis=1).T
    return rows


def precedes(keyed: Integers, others: Integers, rank: Integers) -> NDArray[np.bool_]:
    """Whether each row's key comes before that of the row beside it; columns: price, time, source, number."""
    earlier: NDArray[np.bool_] = keyed[:, 1] < others[:, 1]
    ties = keyed[:, 1] == others[:, 1]
    if ties.any():
        tied = np.flatnonzero(ties)
        one, other = keyed[tied], others[tied]
        before = rank[one[:, 2]] < rank[other[:, 2]]
        before |= (one[:, 2] == other[:, 2]) & (one[:, 3] < other[:, 3])
        earlier[tied] = before
    return earlier
