"""From what an adapter understood to packed ticks: checked, put in our time, counted, without duplicates.

The numbers of each source and symbol count without gaps from here on: they are ours, or the source's own
where it counts so. A vendor's number tells which trades came twice. What is refused is counted by reason and
gets no number: it is no loss.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping

import msgspec

from richesreach.core.events.ledger import Account, Verdict
from richesreach.core.events.schemas import PackedTick
from richesreach.market_data.clock import MOST_LEAD, SECOND, FutureError, Skew
from richesreach.market_data.model import About, Rejection, Trade
from richesreach.market_data.normalise import UnfitError

# Numbers of a vendor that are remembered by symbol; a trade that is older than all of them is not taken,
# because nobody can tell any more whether it was there before.
REMEMBERED = 256
# Nanoseconds. Older than the newest by more than the watermark waits for: its bar may be closed.
LATE = 2_000_000_000
# Price times size, both times 10^8: a thousand billions. Ten million such trades still fit into the 38 digits
# that a sum has in Flink.
MOST_WORTH = 10**31


class Numbered:
    """The numbers of one symbol: the last of ours, and the last few of the vendor's."""

    __slots__ = ("_floor", "_order", "_seen", "account", "last", "newest")

    def __init__(self, last: int) -> None:
        self.last = last
        self.newest = 0
        self.account: Account | None = None
        self._seen: set[int] = set()
        self._order: deque[int] = deque()
        self._floor = -1

    def is_new(self, number: int) -> bool:
        """Whether the vendor's `number` has not come before; it is then remembered."""
        if number in self._seen or number <= self._floor:
            return False
        self._seen.add(number)
        self._order.append(number)
        if len(self._order) > REMEMBERED:
            gone = self._order.popleft()
            self._seen.discard(gone)
            self._floor = max(self._floor, gone)
        return True


class Counts(msgspec.Struct):
    """What became of the trades of one source. `lost` are missing numbers of a vendor that counts without
    gaps.
    """

    taken: int = 0
    late: int = 0
    duplicates: int = 0
    refused: int = 0
    lost: int = 0


class Intake:
    """One source's. `sent` are our last numbers by symbol, from which it goes on after a restart: of a source
    that counts itself, what it says again up to there is a duplicate.
    """

    def __init__(
        self,
        about: About,
        *,
        reject: Callable[[Rejection], None] = lambda _rejection: None,
        sent: Mapping[str, int] | None = None,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self.about = about
        self.skew = Skew()
        self.refused: Counter[str] = Counter()
        self._counts = Counts()
        self._reject = reject
        self._now = now
        self._symbols = {symbol: Numbered(last) for symbol, last in (sent or {}).items()}

    @property
    def sent(self) -> dict[str, int]:
        """Our last number of each symbol: what every later stage's account is held against."""
        return {symbol: numbered.last for symbol, numbered in self._symbols.items()}

    @property
    def newest(self) -> int:
        """The highest event time."""
        return max((numbered.newest for numbered in self._symbols.values()), default=0)

    @property
    def counts(self) -> Counts:
        missing = sum(n.account.missing for n in self._symbols.values() if n.account is not None)
        return msgspec.structs.replace(self._counts, lost=missing)

    def sound(self, trades: Iterable[Trade]) -> list[Trade]:
        """Those that can be true; the others are refused, before anybody has heard of them."""
        received, found = self._now(), []
        latest = received + MOST_LEAD
        for trade in trades:
            if trade.happened > latest:
                ahead = (trade.happened - received) / SECOND
                self._refuse(trade, FutureError(f"happened {ahead:.3f} s after it was received"))
            elif trade.price * trade.size > MOST_WORTH:
                self._refuse(trade, UnfitError("is worth more than any trade"))
            else:
                found.append(trade)
        return found

    def ticks(self, trades: Iterable[Trade]) -> list[tuple[str, PackedTick]]:
        """Venue and tick of each trade that is taken, in the order they came."""
        received, contiguous, found = self._now(), self.about.contiguous, []
        observed = self.about.observed
        skew, counts, symbols = self.skew, self._counts, self._symbols
        skew.turn(received)
        for trade in trades:
            symbol, theirs = trade.symbol, trade.number
            numbered = symbols.get(symbol)
            if numbered is None:
                numbered = symbols[symbol] = Numbered(0)
            happened = trade.happened
            if happened > received:
                try:
                    happened = skew.corrected(happened, received)
                except FutureError as error:
                    self._refuse(trade, error)
                    continue
            else:
                happened -= skew.lead
            if theirs is not None and not self._first_time(numbered, theirs):
                counts.duplicates += 1
                continue
            if observed:
                happened = received
            if happened > numbered.newest:
                numbered.newest = happened
            elif happened < numbered.newest - LATE:
                counts.late += 1
            # A source that counts without gaps itself gives the same numbers when it says something again.
            if contiguous and theirs is not None:
                number = theirs
                numbered.last = max(numbered.last, number)
            else:
                number = numbered.last = numbered.last + 1
            tick = PackedTick(symbol, number, happened, received, trade.price, trade.size)
            found.append((trade.venue, tick))
        counts.taken += len(found)
        return found

    def _refuse(self, trade: Trade, error: ValueError) -> None:
        self._counts.refused += 1
        said = msgspec.json.encode(trade)
        self._reject(Rejection(self.about.name, "refused", f"{trade.symbol} {error}", said))

    def _first_time(self, numbered: Numbered, number: int) -> bool:
        if not self.about.contiguous:
            return numbered.is_new(number)
        if numbered.account is None:
            numbered.account = Account.beginning(numbered.last + 1 if numbered.last else number)
        return numbered.account.take(number) is not Verdict.DUPLICATE
