"""Ticks as they were recorded: two hours, out of order, late, ahead, twice, and a partition that rests.

Made by a generator with a seed, so that they are the same in every run.
"""

import random
from collections.abc import Iterator

import msgspec
from richesreach.core.events.scaled import partition_of, unscaled
from richesreach.core.events.schemas import Heartbeat, PackedTick, Tick, TickBatch
from richesreach.stream.definitions import SECOND

PARTITIONS = 4
#: A Monday morning, on a full hour.
START = 1_767_603_600 * SECOND
SYMBOLS = ("AAPL", "MSFT", "NVDA", "BTC-USD", "ETH-USD", "EUR/USD", "TSLA", "BRK.B")
SOURCES = ("polygon", "finnhub")
#: Of each symbol: prices in units of 10^-8 at the start, and how many seconds lie between two ticks at first.
PRICES = (180, 410, 900, 64_000, 3_100, 1, 240, 420)
BUSY, ALL = 240, 2 * 3600 + 1200

Messages = dict[int, list[bytes]]


def messages(seed: int = 7) -> Messages:
    """Values of the messages by partition, in the order of their offsets."""
    chance = random.Random(seed)  # noqa: S311 (moves prices)
    held: dict[int, list[tuple[int, str, PackedTick]]] = {number: [] for number in range(PARTITIONS)}
    for symbol, price in zip(SYMBOLS, PRICES, strict=True):
        number = partition_of(symbol, PARTITIONS)
        rests = number == partition_of("AAPL", PARTITIONS)
        held[number] += _ticks(chance, symbol, price * 10**8, rests=rests)
    return {number: [*_succeeded(number, list(_published(chance, ticks)))] for number, ticks in held.items()}


def _succeeded(number: int, published: list[tuple[int, bytes]]) -> Iterator[bytes]:
    """With the heartbeats of a publisher, which another one succeeds halfway; what the first still had under
    way then is void. In a partition in which nothing trades there are heartbeats alone.
    """
    ends = range(START, START + ALL * SECOND, 60 * SECOND)
    if not published:
        published = [(end, b"") for end in ends]
    half, told = len(published) // 2, 0
    for place, (time, value) in enumerate(published):
        epoch = 1 if place < half else 2
        if time - told > 45 * SECOND:
            told = time
            yield _heartbeat(epoch, time - SECOND // 2)
        if value:
            yield value.replace(b'"epoch":0', b'"epoch":%d' % epoch)
        if value and place == half + 60:
            yield _void(number, time)


def _heartbeat(epoch: int, time: int) -> bytes:
    return msgspec.json.encode(Heartbeat(member=f"publisher-{epoch}", epoch=epoch, time=time))


def _void(number: int, time: int) -> bytes:
    """Numbers that were given again, to other prices."""
    symbol = next(symbol for symbol in SYMBOLS if partition_of(symbol, PARTITIONS) == number)
    ticks = [PackedTick(symbol, 10**6, time, time, 1, 1)]
    return msgspec.json.encode(TickBatch(source="polygon", venue="X", licence="test", ticks=ticks, epoch=1))


def _ticks(
    chance: random.Random, symbol: str, price: int, *, rests: bool
) -> Iterator[tuple[int, str, PackedTick]]:
    """(time of arrival, source, tick): busy for minutes, then every few seconds; some rest for 20 minutes."""
    sequence, time = dict.fromkeys(SOURCES, 0), START
    while time < START + ALL * SECOND:
        busy = time < START + BUSY * SECOND
        time += int(chance.expovariate(2.0 if busy else 0.12) * SECOND)
        if rests and 1800 * SECOND < time - START < 3000 * SECOND:
            continue
        price = max(1, price + int(chance.gauss(0, price / 2000)))
        source = chance.choice(SOURCES)
        # Clocks of one source tie now and then, to the nanosecond.
        event = time // SECOND * SECOND if chance.random() < 0.02 else time
        tick = PackedTick(symbol, sequence[source], event, event + 5_000_000, price, chance.randrange(10**12))
        sequence[source] += 1
        kind = chance.random()
        if kind < 0.01:  # it happened in the future, as its source has it
            wrong = event + chance.randrange(3, 90) * SECOND
            tick = PackedTick(symbol, tick.q, wrong, event, tick.p, tick.z)
        late = 0.01 <= kind < 0.02
        delay = chance.randrange(2_500_000_000, 60 * SECOND) if late else chance.randrange(SECOND)
        yield event + delay, source, tick
        if kind > 0.97:  # and once more, soon or late
            yield event + delay + chance.randrange(1, 20 * SECOND), source, tick


def _published(
    chance: random.Random, ticks: list[tuple[int, str, PackedTick]]
) -> Iterator[tuple[int, bytes]]:
    """(time, message): batches of one source, some ticks alone; in the order of their arrival."""
    waiting: list[tuple[str, PackedTick]] = []
    for time, source, tick in sorted(ticks, key=lambda arrived: arrived[0]):
        if waiting and (waiting[0][0] != source or len(waiting) == 20 or chance.random() < 0.2):
            yield time, _message(chance, waiting)
            waiting = []
        waiting.append((source, tick))


def _message(chance: random.Random, batch: list[tuple[str, PackedTick]]) -> bytes:
    source, tick = batch[0]
    if len(batch) > 1 or chance.random() < 0.5:
        ticks = [tick for _, tick in batch]
        return msgspec.json.encode(TickBatch(source=source, venue="X", licence="test", ticks=ticks))
    return msgspec.json.encode(
        Tick(
            symbol=tick.s,
            venue="X",
            price=unscaled(tick.p),
            size=unscaled(tick.z),
            event_time=tick.t,
            received_time=tick.r,
            source=source,
            licence="test",
            sequence=tick.q,
        )
    )
