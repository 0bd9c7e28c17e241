"""The term of one publisher: its sources, whose ticks of a symbol count, and the heartbeats of partitions."""

import asyncio
import time
from collections.abc import Awaitable, Sequence

from richesreach.core.events import EventRefusedError, Events
from richesreach.core.events.accounting import StageAccount
from richesreach.core.events.scaled import partition_of
from richesreach.core.events.schemas import Heartbeat, Numbers
from richesreach.core.events.topics import MARKET_TICKS
from richesreach.core.logs import logger
from richesreach.market_data.dead_letters import DeadLetters
from richesreach.market_data.lane import DOUBTS
from richesreach.market_data.publishing import Term
from richesreach.market_data.recovery import Gap, Recovering
from richesreach.market_data.roster import Entry, carriers
from richesreach.market_data.running.choice import Choice
from richesreach.market_data.running.feed import Feed
from richesreach.market_data.running.lease import Lease
from richesreach.market_data.running.takeover import SETTLING, Past
from richesreach.market_data.source import Report
from richesreach.market_data.told import Runner, Telling

# Seconds: between two looks at the sources; from a tick to the first heartbeat after it, and between two;
# between two heartbeats with numbers.
LOOK, BEAT, NUMBERS = 0.25, 1.0, 10.0
# Seconds for which a source that is unwell holds back the heartbeats of its partitions.
WAITED_FOR = 60.0


class Publishing:
    """Everything that the holder of the lease runs."""

    def __init__(
        self,
        events: Events,
        lease: Lease,
        entries: Sequence[Entry],
        *,
        partitions: int,
        epoch: int,
        past: Past,
        letters: DeadLetters,
    ) -> None:
        self.epoch, self.entries = epoch, entries
        self._events = events
        self._lease = lease
        self._partitions = partitions
        for entry in entries:
            if isinstance(adapter := entry.adapter, Recovering):
                behind = past.behind(entry.about.name, entry.symbols, partitions, adapter.late)
                adapter.resume(behind)
        # Seconds of the topic, which nobody needs for the length of a term.
        past.recent.clear()
        self.feeds = [
            Feed(
                entry,
                events,
                partitions,
                Term(
                    epoch,
                    past.last.get(entry.about.name, {}),
                    lease.held,
                    past.lost.get(entry.about.name, {}),
                ),
                began=past.began.get(entry.about.name, 0),
                letters=letters,
                heard=past.until(entry.about.name),
            )
            for entry in entries
        ]
        by_name = {feed.about.name: feed for feed in self.feeds}
        self._carriers = carriers(entries)
        self.choice = Choice(self._carriers, lambda name: by_name[name].well, past.newest, past.changed)
        self._symbols: list[list[str]] = [[] for _ in range(partitions)]
        for symbol in self._carriers:
            self._symbols[partition_of(symbol, partitions)].append(symbol)
        # The time of a partition goes on no faster than its latest source may tell.
        self._late = max((feed.late for feed in self.feeds), default=0)
        self._unwell: dict[str, float] = {}
        # Numbers of sources that do not run now are handed on, too.
        self._past = past

    async def run(self, telling: Telling) -> None:
        """Until it is cancelled. Raises StreamUnavailableError where it cannot begin."""
        await self.announce()
        for feed in self.feeds:
            feed.open(self.choice, telling.board, telling.note)
        beaten = announced = time.monotonic()
        while True:
            self.choice.turn()
            telling.primary, telling.runner = self.choice.primary, self._runner()
            telling.gaps += self._gaps()
            at = time.monotonic()
            if at - beaten >= BEAT:
                beaten = at
                await self._beat(at)
            if at - announced >= NUMBERS:
                announced = at
                await self._said(self.announce())
            await asyncio.sleep(LOOK)

    async def close(self, patience: float) -> None:
        """Leave the vendors, send what is left, and say how far it got."""
        left = await asyncio.gather(*(feed.close(patience) for feed in self.feeds))
        logger().info("term_ended", epoch=self.epoch, unacknowledged=sum(left))
        if self._lease.held():
            await self._said(self.announce())

    def accounts(self) -> list[StageAccount]:
        return [account for feed in self.feeds for account in feed.accounts(self._lease.member)]

    def reports(self) -> list[Report]:
        return [feed.report() for feed in self.feeds]

    @property
    def waiting(self) -> int:
        """Ticks that wait for the brokers."""
        return sum(feed.publisher.waiting for feed in self.feeds)

    async def announce(self) -> None:
        """Write the numbers so far into every partition."""
        numbers = {source: self._past.numbers(source) for source in self._past.told}
        numbers |= {feed.about.name: feed.numbers() for feed in self.feeds if feed.runs}
        shares: list[dict[str, Numbers]] = [{} for _ in range(self._partitions)]
        for source, of in numbers.items():
            parts = [Numbers(of.began, {}, heard=of.heard) for _ in shares]
            for symbol, number in of.last.items():
                part = parts[partition_of(symbol, self._partitions)]
                part.last[symbol] = number
                if symbol in of.lost:
                    part.lost[symbol] = of.lost[symbol]
            for share, part in zip(shares, parts, strict=True):
                share[source] = part
        await asyncio.gather(*(self._send(number, 0, share) for number, share in enumerate(shares)))

    def _gaps(self) -> list[Gap]:
        again = {feed.about.name: feed.heard() for feed in self.feeds if feed.recovers}

        def elsewhere(symbol: str) -> int | None:
            return max((again[name] for name in self._carriers[symbol] if name in again), default=None)

        return [gap for feed in self.feeds for gap in feed.gaps(elsewhere)]

    async def _beat(self, at: float) -> None:
        """Move the watermark of each partition where nothing is said, and nothing is waited for."""
        self._look_for_unwell(at)
        until = time.time_ns() - SETTLING - self._late
        idle = [number for number in range(self._partitions) if self._idle(number, at)]
        if self._lease.held():
            await self._said(asyncio.gather(*(self._send(number, until, {}) for number in idle)))

    def _idle(self, partition: int, at: float) -> bool:
        if not all(feed.publisher.quiet(partition, BEAT) for feed in self.feeds):
            return False
        waited = (at - self._unwell.get(symbol, at - WAITED_FOR) for symbol in self._symbols[partition])
        return all(seconds >= WAITED_FOR for seconds in waited)

    def _look_for_unwell(self, at: float) -> None:
        """Since when each symbol has no source that can be relied on."""
        without = [symbol for part in self._symbols for symbol in part if symbol not in self.choice.primary]
        self._unwell = {symbol: self._unwell.get(symbol, at) for symbol in without}

    async def _send(self, partition: int, until: int, numbers: dict[str, Numbers]) -> None:
        beat = Heartbeat(member=self._lease.member, epoch=self.epoch, time=until, numbers=numbers)
        await self._events.publish(MARKET_TICKS, str(partition), beat, partition=partition)

    async def _said(self, work: Awaitable[object]) -> None:
        """What did not arrive is said again, with newer figures."""
        try:
            await work
        except (*DOUBTS, EventRefusedError) as error:
            logger().warning("heartbeat_unsaid", error=str(error))

    def _runner(self) -> Runner:
        return Runner(
            member=self._lease.member,
            epoch=self.epoch,
            at=time.time_ns(),
            sources=self.reports(),
            waiting=self.waiting,
            left=dict(self.choice.left),
            missed={feed.about.name: feed.missed for feed in self.feeds if feed.missed},
        )
