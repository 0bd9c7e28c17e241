"""One source of the term that runs: from its adapter to the topic, and what is told of it."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from richesreach.core.events import Events
from richesreach.core.events.accounting import StageAccount, account_of
from richesreach.core.events.schemas import Numbers, PackedTick
from richesreach.core.vendors.http import STANDS
from richesreach.market_data.consensus import Board
from richesreach.market_data.dead_letters import DeadLetters
from richesreach.market_data.intake import Intake
from richesreach.market_data.model import Reading, Record, State, Trade
from richesreach.market_data.normalise import SECOND
from richesreach.market_data.publishing import Term, TickPublisher
from richesreach.market_data.recovery import Gap, Missed, Recovering
from richesreach.market_data.roster import Entry
from richesreach.market_data.running.choice import Choice
from richesreach.market_data.source import Report, Source, unheard
from richesreach.market_data.sources.generator import Generator

# Seconds without a word after which a source that pushes is not relied on; one that is asked has three turns.
SILENT = 15.0
Note = Callable[[Reading], None]
# Until when others have told of a symbol that ask again what nobody heard; None where there is no such one.
Elsewhere = Callable[[str], int | None]


class Feed:
    """`began` is of the numbers that it goes on from, `heard` until when the terms before listened to it.

    `missed` counts ticks of interruptions that were asked for again.
    """

    def __init__(
        self,
        entry: Entry,
        events: Events,
        partitions: int,
        term: Term,
        *,
        began: int,
        letters: DeadLetters,
        heard: int = 0,
    ) -> None:
        self.about = entry.about
        self.missed = 0
        self._heard = heard
        # Symbols of which nobody listened to this source, from when to when.
        self._unheard: list[tuple[list[str], int, int]] = []
        self.began = began or time.time_ns()
        if isinstance(entry.adapter, Generator):
            self.began = entry.adapter.go_on(began or None, term.sent)
        self.intake = Intake(entry.about, reject=letters.put, sent=term.sent)
        self.publisher = TickPublisher(events, entry.about, partitions, letters=letters, term=term)
        self._adapter = entry.adapter
        self._disabled = entry.disabled
        self._letters = letters
        self.source: Source | None = None
        self._task: asyncio.Task[None] | None = None

    def open(self, choice: Choice, board: Board, note: Note) -> None:
        """Begin to listen; nothing where the source is disabled."""
        if self._adapter is None:
            return

        async def take(records: Sequence[Record]) -> None:
            name, trades = self.about.name, list[Trade]()
            for record in records:
                if isinstance(record, Trade):
                    trades.append(record)
                else:
                    note(record)
            if trades := self.intake.sound(trades):
                for trade in trades:
                    board.hear(name, trade.symbol, trade.price, trade.happened)
                again = isinstance(records, Missed)
                ticks = self.intake.ticks(choice.chosen(name, trades, missed=again))
                if again:
                    self.missed += len(ticks)
                    await self._take_missed(ticks)
                else:
                    await self.publisher.take(ticks)

        def back(heard: int, now: int) -> None:
            choice.turn()
            mine = [symbol for symbol, primary in choice.primary.items() if primary == self.about.name]
            self._lack(mine, max(heard, self._heard), now)

        self.source = Source(self._adapter, take, reject=self._letters.put, back=back)
        self.publisher.open()
        self._task = asyncio.create_task(self.source.run(), name=f"source {self.about.name}")

    async def close(self, patience: float) -> int:
        """Leave the vendor and send what is left, within so many seconds; how many ticks have not arrived."""
        if self.source is None or self._task is None:
            return 0
        self.heard()
        self.source.end()
        await asyncio.wait({self._task}, timeout=patience)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        return await self.publisher.close(patience)

    async def _take_missed(self, ticks: Sequence[tuple[str, PackedTick]]) -> None:
        """Second by second: a batch of one venue that held more would close bars that another's are of."""
        for second in _seconds(ticks):
            await self.publisher.take(second)
            self.publisher.flush()

    def heard(self) -> int:
        """Until when it was listened to and all that it said has arrived, in Unix nanoseconds; 0: never."""
        source = self.source
        if isinstance(self._adapter, Recovering):
            found = self._adapter.heard
        elif source is None or source.heard is None:
            found = 0
        else:
            stands = source.state is State.LIVE
            found = max(source.heard, time.time_ns() - int(STANDS * SECOND) if stands else 0)
        oldest = self.publisher.oldest
        self._heard = max(self._heard, found if oldest is None else min(found, oldest))
        return self._heard

    def gaps(self, elsewhere: Elsewhere) -> list[Gap]:
        """Those that have come up, once. What another source is to tell of is none, unless that one fails."""
        found, left = [], []
        for symbols, since, until in self._unheard:
            told = {symbol: elsewhere(symbol) for symbol in symbols}
            lost = [symbol for symbol, at in told.items() if at is None]
            if lost:
                name = self.about.name
                found.append(Gap.of(name, lost, since, until, f"{name} says nothing again"))
            waiting = [symbol for symbol, at in told.items() if at is not None and at < until]
            if waiting:
                left.append((waiting, since, until))
        self._unheard = left
        if isinstance(self._adapter, Recovering):
            found += self._adapter.gaps
            self._adapter.gaps = []
        return found

    def _lack(self, symbols: Sequence[str], since: int, until: int) -> None:
        """Nobody listened between these times. Prices that are asked for hide no trades, and what counts
        its own goes on where it stopped.
        """
        about = self.about
        if since and symbols and not (about.observed or about.contiguous or self.recovers):
            self._unheard.append((list(symbols), since, until))

    @property
    def recovers(self) -> bool:
        """Whether what nobody heard of it is asked for again, now or once it is back."""
        failed = self.source is not None and self.source.state is State.FAILED
        return isinstance(self._adapter, Recovering) and not failed

    @property
    def late(self) -> int:
        """After how many nanoseconds its plan tells a trade."""
        return self._adapter.late if isinstance(self._adapter, Recovering) else 0

    @property
    def runs(self) -> bool:
        return self._adapter is not None

    @property
    def well(self) -> bool:
        """Whether it can be relied on now."""
        source = self.source
        if source is None or source.state is not State.LIVE or source.heard is None:
            return False
        return time.time_ns() - source.heard < self._patience * 1e9

    @property
    def _patience(self) -> float:
        pace = self.about.pace
        return max(SILENT, 3 * pace.seconds / pace.quota) if self.about.observed else SILENT

    def numbers(self) -> Numbers:
        """As far as the brokers have acknowledged them."""
        accounts = self.publisher.ledger.accounts
        last = {symbol: account.next - 1 for (_, symbol), account in accounts.items()}
        return Numbers(self.began, last, self.publisher.lost, self.heard())

    def accounts(self, member: str) -> list[StageAccount]:
        """What the source said, and what of it was published."""
        counts, name, sent = self.intake.counts, self.about.name, self.intake.sent
        if not sent:
            return []
        said = StageAccount(
            stage="source",
            member=member,
            source=name,
            received=counts.taken,
            missing=counts.lost,
            duplicates=counts.duplicates,
            late=counts.late,
            refused=counts.refused + (sum(self.source.rejected.values()) if self.source else 0),
            reached=sum(sent.values()),
            symbols=len(sent),
            newest=self.intake.newest,
        )
        published = account_of(
            self.publisher.ledger,
            stage="published",
            member=member,
            source=name,
            refused=self.publisher.refused,
            newest=self.publisher.newest,
        )
        return [said, published]

    def report(self) -> Report:
        if self.source is not None:
            return self.source.report()
        return unheard(self.about, State.DISABLED, self._disabled)


def _seconds(ticks: Sequence[tuple[str, PackedTick]]) -> Iterator[list[tuple[str, PackedTick]]]:
    """Cut where the second of the event time changes."""
    for _, second in groupby(ticks, key=lambda tick: tick[1].t // SECOND):
        yield list(second)
