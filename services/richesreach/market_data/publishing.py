"""Ticks of one source onto the stream: packed, by partition, each at least once, within bounded memory."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from richesreach.core.events import Events, StreamUnavailableError
from richesreach.core.events.ledger import Account, Ledger
from richesreach.core.events.schemas import PackedTick
from richesreach.core.events.topics import MARKET_TICKS, Topic
from richesreach.market_data.dead_letters import DeadLetters
from richesreach.market_data.intake import Intake
from richesreach.market_data.lane import Lane
from richesreach.market_data.model import About, Record, Rejection, Trade
from richesreach.market_data.packing import FULL, LINGER, Packed, Packer
from richesreach.market_data.source import Take

# Looks at what waits to be packed, within the time that it may wait.
_LOOKS = 4
_EVENT: Callable[[PackedTick], int] = attrgetter("t")
# Ticks that wait for the brokers, at some 200 bytes each. Whoever brings more waits, and reads no further.
MOST_WAITING = 200_000


@dataclass(frozen=True, slots=True)
class Term:
    """The time for which one task publishes one source: since `epoch`, as long as `allowed` says so, and on
    from the numbers that were `sent` before, of which the brokers have refused so many as `lost`.
    """

    epoch: int
    sent: Mapping[str, int]
    allowed: Callable[[], bool]
    lost: Mapping[str, int] = field(default_factory=dict)


# Of who need not share its source with anybody.
ALONE = Term(0, {}, lambda: True)


class TickPublisher:
    """`ledger` holds what the brokers have acknowledged: against the intake's last numbers it tells what is
    still on the way, and at the end what never went out.

    Nothing goes out while its term does not allow it.
    """

    def __init__(
        self,
        events: Events,
        about: About,
        partitions: int,
        *,
        letters: DeadLetters | None = None,
        linger_ms: float = LINGER,
        full: int = FULL,
        topic: Topic = MARKET_TICKS,
        term: Term = ALONE,
    ) -> None:
        self.ledger = Ledger()
        # The ledger's own accounts, by symbol alone: there is one source.
        self._accounts: dict[str, Account] = {}
        # By symbol, of this term and those before.
        self._lost: Counter[str] = Counter(term.lost)
        for symbol, last in term.sent.items():
            account = self._account(about.name, symbol, last + 1)
            if lost := min(last, self._lost[symbol]):
                # Nobody knows any more which ones they were: they count from the beginning, so that a stage
                # that began later is not taken for one that misses them.
                account.first, account.written_off = 1, lost
        self.newest = 0
        self.waiting = self.refused = 0
        self._events = events
        self._about = about
        self._topic = topic
        self._letters = letters
        self._packer = Packer(about, partitions, linger_ms=linger_ms, full=full, epoch=term.epoch)
        self._allowed = term.allowed
        self._handed = [time.monotonic()] * partitions
        self._linger = linger_ms / 1000
        self.most_waiting = MOST_WAITING
        self._lanes = [Lane(self._send, self._delivered, self._refuse) for _ in range(partitions)]
        self._room = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def open(self) -> None:
        self._tasks = [asyncio.create_task(lane.run(), name="ticks") for lane in self._lanes]
        self._tasks.append(asyncio.create_task(self._hurry(), name="ticks-linger"))

    async def take(self, ticks: Sequence[tuple[str, PackedTick]]) -> None:
        """Return when there is room for more."""
        self.waiting += len(ticks)
        self._hand_over(self._packer.add(ticks, time.monotonic_ns()))
        while self.waiting >= self.most_waiting:
            self._room.clear()
            await self._room.wait()

    @property
    def lost(self) -> dict[str, int]:
        """By symbol, how many ticks that the brokers have refused have a number below the last.

        One above it will be given again by who comes next; a gap without a refusal is still on its way.
        """
        known = ((symbol, self._accounts.get(symbol), refused) for symbol, refused in self._lost.items())
        return {symbol: min(refused, account.missing) for symbol, account, refused in known if account}

    @property
    def oldest(self) -> int | None:
        """When the first came of those that wait or are on their way, in Unix nanoseconds."""
        open_ = [packed.batch.ticks[0].r for lane in self._lanes if (packed := lane.oldest) is not None]
        return min([*open_, *self._packer.begun], default=None)

    def flush(self) -> None:
        """Hand over what waits for more of its batch: it then comes before all that follows."""
        self._hand_over(self._packer.rest())

    def quiet(self, partition: int, seconds: float) -> bool:
        """Whether nothing of the partition is on its way, nor has been handed over for so long."""
        return self._lanes[partition].idle and time.monotonic() - self._handed[partition] >= seconds

    async def close(self, patience: float = 10.0) -> int:
        """Send what is left, within so many seconds; how many ticks nobody has acknowledged by then."""
        self._hand_over(self._packer.rest())
        until = time.monotonic() + patience
        while self.waiting and time.monotonic() < until:
            self._room.clear()
            try:
                await asyncio.wait_for(self._room.wait(), until - time.monotonic())
            except TimeoutError:
                break
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return self.waiting

    async def _hurry(self) -> None:
        while True:
            await asyncio.sleep(self._linger / _LOOKS)
            self._hand_over(self._packer.due(time.monotonic_ns()))

    def _hand_over(self, found: Sequence[Packed]) -> None:
        for packed in found:
            self._handed[packed.partition] = time.monotonic()
            self._lanes[packed.partition].add(packed)

    async def _send(self, packed: Packed) -> None:
        if not self._allowed():
            raise StreamUnavailableError("another task may publish by now")
        number = packed.partition
        await self._events.publish(self._topic, str(number), packed.batch, partition=number)

    def _delivered(self, packed: Packed) -> None:
        ticks, known = packed.batch.ticks, self._accounts.get
        for tick in ticks:
            account, number = known(tick.s), tick.q
            if account is None:
                # A later batch may be acknowledged first: an account begins where its symbol began.
                account = self._account(packed.batch.source, tick.s, self._packer.firsts[tick.s])
            if number == account.next:
                # As `take` does with almost every tick; the call would cost more than all else here.
                account.next = number + 1
            else:
                account.take(number)
        self.newest = max(self.newest, *map(_EVENT, ticks))
        self._over(packed)

    def _account(self, source: str, symbol: str, first: int) -> Account:
        account = self.ledger.accounts[source, symbol] = self._accounts[symbol] = Account.beginning(first)
        return account

    def _refuse(self, packed: Packed, error: Exception) -> None:
        """Its ticks are lost, and every later stage counts them as missing."""
        self.refused += len(packed.batch.ticks)
        self._lost.update(tick.s for tick in packed.batch.ticks)
        if self._letters is not None:
            first = packed.batch.ticks[0]
            said = f"{len(packed.batch.ticks)} ticks, the first {first.s} {first.q}".encode()
            self._letters.put(Rejection(self._about.name, "refused", str(error), said))
        self._over(packed)

    def _over(self, packed: Packed) -> None:
        self.waiting -= len(packed.batch.ticks)
        self._room.set()


def into(intake: Intake, publisher: TickPublisher) -> Take:
    """What a source's records go through."""

    async def take(records: Sequence[Record]) -> None:
        await publisher.take(intake.ticks([record for record in records if isinstance(record, Trade)]))

    return take
