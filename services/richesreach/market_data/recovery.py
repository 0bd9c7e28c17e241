"""What was said while nobody listened: asked for again where the vendor tells it, and told where it does not.

An interruption begins with the last sign that somebody listened, in this process or in the one before it,
and ends when the vendor has been subscribed to again. What it hid is asked for symbol by symbol, the longest
away first, and comes in the order of time before anything new, so that it still finds its bars open.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Protocol, runtime_checkable

import msgspec

from richesreach.core.events.schemas import TickBatch
from richesreach.core.logs import logger
from richesreach.core.vendors.errors import SourceError, SourceRefusedError, SourceThrottledError
from richesreach.market_data.model import Record, Trade

# Nanoseconds: before the last sign of life, what may have been lost on its way; what two times of one trade
# may differ by, as one vendor writes them; and the oldest that is asked for.
OVERLAP, NEAR, OLDEST = 5_000_000_000, 1_000_000, 900_000_000_000
# Seconds for all symbols together, while what is new waits; requests under way; trades of all.
LONGEST, AT_ONCE, MOST = 10.0, 8, 500_000
# Symbols that a gap names.
MOST_NAMED = 20
# A page of one symbol's trades, from a time (Unix nanoseconds) on; raises SourceError.
Pages = Callable[[str, int], AsyncIterator[list[Trade]]]


class Missed(list[Record]):
    """Records that were asked for again; they may be older than what was said since."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A time from which it is unknown what a source said of `symbols` symbols, of which some are named.

    `since`, `until` and `told`, when that was found, are Unix nanoseconds.
    """

    source: str
    symbols: int
    named: list[str]
    since: int
    until: int
    why: str
    told: int = 0

    @classmethod
    def of(cls, source: str, symbols: Iterable[str], since: int, until: int, why: str) -> "Gap":
        found = sorted(symbols)
        gap = cls(
            source=source,
            symbols=len(found),
            named=found[:MOST_NAMED],
            since=since,
            until=until,
            why=why,
            told=time.time_ns(),
        )
        logger().warning("ticks_unknown", **msgspec.to_builtins(gap))
        return gap


def unknown_seconds(gaps: Iterable[Gap], told_since: int) -> dict[str, float]:
    """By source, how long the times of its gaps are together: each moment once, however many gaps hold it.
    Of those alone that were told from `told_since` on.
    """
    found, reached = dict[str, int](), dict[str, int]()
    for gap in sorted(gaps, key=attrgetter("since")):
        if gap.told >= told_since:
            begins = max(gap.since, reached.get(gap.source, gap.since))
            reached[gap.source] = max(gap.until, begins)
            found[gap.source] = found.get(gap.source, 0) + reached[gap.source] - begins
    return {source: length / 1e9 for source, length in found.items()}


class Known:
    """Trades that are on the topic already: each is known as often as it is there."""

    def __init__(self, batches: Iterable[TickBatch] = ()) -> None:
        self._times: dict[tuple[str, str, int, int], list[int]] = {}
        for batch in batches:
            for tick in batch.ticks:
                self._times.setdefault((tick.s, batch.venue, tick.p, tick.z), []).append(tick.t)

    def take(self, trade: Trade) -> bool:
        """Whether it is there; it is then known once less."""
        times = self._times.get((trade.symbol, trade.venue, trade.price, trade.size), [])
        for place, happened in enumerate(times):
            if abs(happened - trade.happened) < NEAR:
                del times[place]
                return True
        return False


@dataclass(frozen=True, slots=True)
class Behind:
    """What a source finds of the terms before its own. In Unix nanoseconds: `heard`, until when it was
    listened to (0: never), and by symbol `since`, from which event time on all that is on the topic is
    `known`. `lag` is the nanoseconds from a trade to us, which are many where a plan tells late. `unread` are
    symbols of which more was on the topic than was read back, and from when on they are known.
    """

    heard: int = 0
    since: Mapping[str, int] = field(default_factory=dict)
    lag: int = 0
    known: Known = field(default_factory=Known)
    unread: Mapping[str, int] = field(default_factory=dict)


@runtime_checkable
class Recovering(Protocol):
    """An adapter that asks its vendor again by itself. `gaps` are what it could not; to be taken out.

    `heard` is until when all that the vendor said has been taken, in Unix nanoseconds, 0 before that is so in
    this term: it stands still until what an interruption hid has been taken, too. `late` is after how many
    nanoseconds its plan tells a trade, 0 of one that tells at once.
    """

    gaps: list[Gap]
    late: int

    @property
    def heard(self) -> int: ...

    def resume(self, behind: Behind) -> None: ...


@dataclass(slots=True)
class _Round:
    """One interruption's questions. `left` are symbols of which not all has come, by why."""

    since: Mapping[str, int]
    waiting: deque[str]
    found: list[Trade] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)

    def stop(self, why: str) -> None:
        while self.waiting:
            self.left[self.waiting.popleft()] = why


class Recovery:
    """Of one source; symbols are its own names. `name` makes ours of one."""

    def __init__(self, source: str, pages: Pages, name: Callable[[str], str]) -> None:
        self._source, self._pages, self._name = source, pages, name

    async def ask(self, since: Mapping[str, int], until: int, lag: int) -> tuple[list[Trade], list[Gap]]:
        """The trades from `since` on, in the order of time; and what is unknown of them up to `until`, at
        which trades are heard that are older by `lag`.
        """
        until -= lag
        oldest = until - OLDEST
        early = {symbol: at for symbol, at in since.items() if at < oldest}
        bounded = {symbol: max(at, oldest) for symbol, at in since.items()}
        this = _Round(bounded, deque(sorted(bounded, key=bounded.__getitem__)))
        workers = [asyncio.create_task(self._work(this)) for _ in range(min(AT_ONCE, len(since)))]
        try:
            if workers:
                await asyncio.wait(workers, timeout=LONGEST)
        finally:
            this.stop(f"not told within {LONGEST:g} s")
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        found = sorted(this.found, key=attrgetter("happened"))
        gaps = [self._gap(early, oldest, f"more than {OLDEST // 10**9} s ago")] if early else []
        for why in dict.fromkeys(this.left.values()):
            of = {symbol: bounded[symbol] for symbol, reason in this.left.items() if reason == why}
            gaps.append(self._gap(of, until, why))
        logger().info("ticks_asked_again", source=self._source, symbols=len(since), trades=len(found))
        return found, gaps

    async def _work(self, this: _Round) -> None:
        while this.waiting:
            symbol = this.waiting.popleft()
            this.left[symbol] = f"not told within {LONGEST:g} s"
            try:
                async for page in self._pages(symbol, this.since[symbol]):
                    this.found += page
                    if len(this.found) > MOST:
                        this.left[symbol] = f"more than {MOST} trades"
                        this.stop(this.left[symbol])
                        return
            except (SourceRefusedError, SourceThrottledError) as error:
                this.left[symbol] = str(error)
                this.stop(str(error))
            except SourceError as error:
                this.left[symbol] = str(error)
            except Exception as error:
                # As in `Source`: whatever one answer makes us stumble over, the next symbol's may be sound.
                logger().exception("recovery_stumbled", source=self._source)
                this.left[symbol] = f"stumbled: {type(error).__name__}"
            else:
                del this.left[symbol]

    def _gap(self, symbols: Mapping[str, int], until: int, why: str) -> Gap:
        return Gap.of(self._source, map(self._name, symbols), min(symbols.values()), until, why)
