"""How far the vectors are that the cache has acknowledged, by source and symbol: the last stage's numbers."""

import numpy as np

from richesreach.stream.sequences import Sequences
from richesreach.stream.wide import Integers


class Featured:
    """`next` is (sources, symbols) as in Sequences, as of when each symbol's vector was packed."""

    def __init__(self) -> None:
        self.next: Integers = np.full((0, 0), -1, np.int64)
        self.under_way = 0

    def begin(self, sequences: Sequences, symbols: Integers) -> Integers:
        """Vectors of these symbols are on their way. What comes back is for `end`."""
        self.under_way += 1
        return sequences.next[:, symbols]

    def end(self, symbols: Integers, begun: Integers, shape: tuple[int, ...], *, well: bool) -> None:
        """The cache has them, or not. `shape` is that of the sequences by now."""
        self.under_way -= 1
        if not well:
            return
        if self.next.shape != shape:
            grown = np.full(shape, -1, np.int64)
            grown[: self.next.shape[0], : self.next.shape[1]] = self.next
            self.next = grown
        # `begun` may be from before another source was heard of.
        self.next[: len(begun), symbols] = begun

    def reached(self, sequences: Sequences, unwritten: Integers) -> Integers:
        """As Sequences.next, of the ticks that online features know of.

        With nothing left to write that is all there are, also those that change no vector: they were late.
        """
        if not self.under_way and not len(unwritten):
            self.next = sequences.next.copy()
        found = np.full(sequences.next.shape, -1, np.int64)
        found[: self.next.shape[0], : self.next.shape[1]] = self.next
        return found
