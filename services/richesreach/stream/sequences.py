"""Which sequence numbers of each source and symbol came: duplicates are told from news, and losses counted.

Kept are, by source and symbol, the first number that came, the one after the highest, and the gaps between.
What was before the first is no loss, and still news if it comes.
"""

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from richesreach.stream.ticks import Ticks
from richesreach.stream.wide import Integers

# Gaps kept of one source and symbol. The oldest beyond are given up: lost, and duplicates if they come.
MOST_GAPS = 1024
Gap = list[int]  # from the first number that is missing to the one after the last


def runs(keys: Integers) -> tuple[Integers, Integers]:
    """Where each run of equal keys, of (n), begins, and where its last is."""
    first, last = np.ones(len(keys), np.bool_), np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    last[:-1] = first[1:]
    return first.nonzero()[0], last.nonzero()[0]


class Sequences:
    """`next` and `first` are (sources, symbols), -1 where nothing came. `losing` are the pairs that lack a
    number since their first: few, where every pair has a gap before it.
    """

    def __init__(self, sources: int, symbols: int) -> None:
        self.next = np.full((sources, symbols), -1, np.int64)
        self.first = np.full((sources, symbols), -1, np.int64)
        self.gaps: dict[tuple[int, int], list[Gap]] = {}
        self.given_up: dict[tuple[int, int], int] = {}
        self.losing: set[tuple[int, int]] = set()

    def restore(self, gaps: dict[tuple[int, int], list[Gap]], given_up: dict[tuple[int, int], int]) -> None:
        """Go on with these; `first` is there already."""
        self.gaps, self.given_up = gaps, given_up
        for pair in {**gaps, **given_up}:
            self._note(pair)

    def reserve(self, sources: int, symbols: int) -> None:
        """Room for so many; what is there stays."""
        for name in ("next", "first"):
            array = getattr(self, name)
            grown = np.full((sources, symbols), -1, np.int64)
            grown[: array.shape[0], : array.shape[1]] = array
            setattr(self, name, grown)

    def lost(self, source: int, symbol: int, below: int = 2**63) -> int:
        """Numbers between the first and the highest, and `below` another, that did not come."""
        first, pair = int(self.first[source, symbol]), (source, symbol)
        missing = sum(max(0, min(end, below) - max(start, first)) for start, end in self.gaps.get(pair, ()))
        return missing + self.given_up.get(pair, 0)

    def all_lost(self) -> int:
        """Of all sources and symbols."""
        return sum(self.lost(*pair) for pair in self.losing)

    def admit(self, ticks: Ticks) -> NDArray[np.bool_]:
        """Note the ticks' numbers; False where one came before."""
        news = np.ones(len(ticks), np.bool_)
        width = self.next.shape[1]
        pair = ticks.source * width + ticks.symbol
        order = np.argsort(pair.astype(np.uint16) if self.next.size <= 2**16 else pair, kind="stable")
        pair, sequence = pair[order], ticks.sequence[order]
        starts, ends = runs(pair)
        following = self.next.ravel()
        expected = following[pair]
        if len(starts) < len(pair):
            expected += np.arange(len(pair)) - np.repeat(starts, ends - starts + 1)
        due = sequence == expected
        if due.all():
            following[pair[ends]] = sequence[ends] + 1
            return news
        # A pair is in order as a whole or is looked at tick by tick, which also starts one.
        whole = np.logical_and.reduceat(due, starts) & (following[pair[starts]] >= 0)
        following[pair[ends[whole]]] = sequence[ends[whole]] + 1
        for start, end in zip(starts[~whole].tolist(), ends[~whole].tolist(), strict=True):
            source, symbol = divmod(int(pair[start]), width)
            for row in range(start, end + 1):
                news[order[row]] = self._admit(source, symbol, int(sequence[row]))
            self._note((source, symbol))
        return news

    def _note(self, pair: tuple[int, int]) -> None:
        """Whether the pair lacks a number since its first; gaps are in order."""
        gaps = self.gaps.get(pair)
        if pair in self.given_up or (gaps and gaps[-1][1] > self.first[pair]):
            self.losing.add(pair)
        else:
            self.losing.discard(pair)

    def _admit(self, source: int, symbol: int, number: int) -> bool:
        following = int(self.next[source, symbol])
        gaps = self.gaps.setdefault((source, symbol), [])
        if following < 0:
            self.first[source, symbol] = number
            following = 0
        if number >= following:
            if number > following:
                gaps.append([following, number])
            self.next[source, symbol] = number + 1
            self._bound(source, symbol, gaps)
            return True
        place = bisect_right(gaps, [number, 2**63]) - 1
        if place < 0 or gaps[place][1] <= number:
            return False
        start, end = gaps[place]
        gaps[place : place + 1] = [gap for gap in ([start, number], [number + 1, end]) if gap[0] < gap[1]]
        self.first[source, symbol] = min(number, int(self.first[source, symbol]))
        self._bound(source, symbol, gaps)
        return True

    def _bound(self, source: int, symbol: int, gaps: list[Gap]) -> None:
        first, pair = int(self.first[source, symbol]), (source, symbol)
        while len(gaps) > MOST_GAPS:
            start, end = gaps.pop(0)
            missing = max(0, end - max(start, first))
            self.given_up[pair] = self.given_up.get(pair, 0) + missing


def contiguous(sequences: Sequences) -> Integers:
    """The highest number of each pair with nothing missing below it since the first; -1: nothing came."""
    found = sequences.next - 1
    found[sequences.next < 0] = -1
    for (source, symbol), gaps in sequences.gaps.items():
        later = [start for start, end in gaps if end > sequences.first[source, symbol]]
        if later:
            found[source, symbol] = min(later) - 1
    return found
