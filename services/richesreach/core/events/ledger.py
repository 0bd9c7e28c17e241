"""How many ticks of a source arrived, by symbol: from their numbers, which count without gaps.

Every stage keeps one Ledger. Each number is told apart as new, late (it fills a gap) or a duplicate, in any
order and however often it comes. What is missing is known at all times, and is not an estimate:

    received (each number once) + missing = the highest number - the first + 1
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from enum import Enum

import msgspec

# Gaps of one account that are remembered; the oldest beyond that is lost for good, so that a stream with a
# hole at every second tick cannot fill the memory.
MOST_GAPS = 1024
Key = tuple[str, str]


class Verdict(Enum):
    """What a number is to those that came before it. All but a duplicate is to be handled."""

    NEW = "new"
    LATE = "late"
    DUPLICATE = "duplicate"


class Account(msgspec.Struct):
    """The numbers of one source and symbol. It can be encoded as it is, for a snapshot.

    `next` is the highest number so far, plus one; `gaps` are what is missing below it, as pairs of the first
    missing number and the first that is not, in order. `written_off` counts numbers of forgotten gaps: they
    stay missing, and one that comes after all is taken for a duplicate, which is to say dropped.
    """

    first: int = 1
    next: int = 1
    late: int = 0
    duplicates: int = 0
    written_off: int = 0
    gaps: list[tuple[int, int]] = []

    @classmethod
    def beginning(cls, first: int) -> "Account":
        return cls(first=first, next=first)

    @property
    def missing(self) -> int:
        """Numbers below the highest that never came."""
        return self.written_off + sum(end - start for start, end in self.gaps)

    @property
    def received(self) -> int:
        """How many came, each number once."""
        return self.next - self.first - self.missing

    @property
    def contiguous(self) -> int:
        """The number up to which all are here or given up; `first - 1` for none."""
        return (self.gaps[0][0] if self.gaps else self.next) - 1

    def lost(self, sent: int) -> int:
        """What is missing of the numbers up to `sent`, the sender's last."""
        return self.missing + max(0, sent + 1 - self.next)

    def take(self, number: int) -> Verdict:
        if number == self.next:
            self.next += 1
            return Verdict.NEW
        if number > self.next:
            self._open(self.next, number)
            self.next = number + 1
            return Verdict.NEW
        return self._fill(number)

    def _open(self, start: int, end: int) -> None:
        self.gaps.append((start, end))
        if len(self.gaps) > MOST_GAPS:
            forgotten, begun = self.gaps.pop(0)
            self.written_off += begun - forgotten

    def _fill(self, number: int) -> Verdict:
        place = bisect_right(self.gaps, number, key=lambda gap: gap[0]) - 1
        if place < 0 or number >= self.gaps[place][1]:
            self.duplicates += 1
            return Verdict.DUPLICATE
        start, end = self.gaps[place]
        self.gaps[place : place + 1] = [
            gap for gap in ((start, number), (number + 1, end)) if gap[0] < gap[1]
        ]
        self.late += 1
        return Verdict.LATE


class Loss(msgspec.Struct, frozen=True):
    """What one stage knows of one source and symbol."""

    source: str
    symbol: str
    received: int
    missing: int
    late: int
    duplicates: int


class Ledger:
    """The accounts of one stage.

    `from_first` is for a reader that joins later than the source began: an account then begins with the
    first number that comes, and what was before it is nobody's loss.
    """

    def __init__(self, *, from_first: bool = False) -> None:
        self.accounts: dict[Key, Account] = {}
        self._from_first = from_first

    def take(self, source: str, symbol: str, number: int) -> Verdict:
        account = self.accounts.get((source, symbol))
        if account is None:
            account = Account.beginning(number if self._from_first else 1)
            self.accounts[source, symbol] = account
        return account.take(number)

    def losses(self, sent: Mapping[Key, int] | None = None) -> Iterator[Loss]:
        """By source and symbol; with `sent`, the senders' last numbers, also what never came to a symbol."""
        told = sent or {}
        for key in sorted({*self.accounts, *told}):
            account = self.accounts.get(key) or Account()
            yield Loss(
                source=key[0],
                symbol=key[1],
                received=account.received,
                missing=account.lost(told.get(key, account.next - 1)),
                late=account.late,
                duplicates=account.duplicates,
            )
