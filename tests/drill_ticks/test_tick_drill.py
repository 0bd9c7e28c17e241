"""A market-data task, the broker and a stream task are killed mid-run: nothing is lost, and bars are equal.

What an undisturbed run would have made is computed from what the generator says, which follows from the time
at which it began alone.
"""

import sys
import time
from collections import defaultdict
from itertools import islice
from pathlib import Path

import msgspec
from cache_servers import CachePair
from kafka_server import KafkaServer
from region import RATE, SYMBOLS, Key, Region, region
from richesreach.core.events.accounting import Sum
from richesreach.core.events.scaled import partition_of
from richesreach.core.events.schemas import Bar, Heartbeat, PackedTick, Tick, TickBatch
from richesreach.core.events.topics import MARKET_TICKS
from richesreach.core.sample_market import SAMPLES
from richesreach.market_data.sources.generator import Generator
from richesreach.stream.outputs import outputs
from richesreach.stream.partition import Partition
from stream_servers import PARTITIONS

SOURCE = "generator"
# Seconds of ticks between two blows.
CALM = 8.0


def caught_up(sums: dict[str, Sum], beyond: int) -> bool:
    """Whether all stages have come by now to where the source was `beyond`, and none is silent."""
    stages = [sums.get(stage) for stage in ("published", "operator")]
    return all(one is not None and not one.silent and one.reached >= beyond for one in stages)


def calm(made: Region) -> None:
    """Let ticks go all the way, for a while."""
    time.sleep(CALM)
    reached = made.sums()["source"].reached
    made.until(lambda sums: caught_up(sums, reached), "the ticks come through")


def strike(made: Region, kafka: KafkaServer) -> None:
    """Kill each in turn, with a spare beside it."""
    publisher = made.start("market-data")
    made.until(lambda sums: "published" in sums, "ticks are published")
    spare = made.start("market-data")
    first = made.start("stream")
    made.until(lambda sums: "operator" in sums, "ticks are read")
    made.start("stream")
    calm(made)
    publisher.kill()
    calm(made)
    kafka.kill()
    time.sleep(3)
    kafka.start()
    calm(made)
    first.kill()
    calm(made)
    spare.ask_to_stop()
    assert spare.wait() == 0, spare.output()[-2000:]


def expected(began: int, last: dict[str, int]) -> dict[Key, Bar]:
    """The bars of an undisturbed run that ends with these numbers."""
    adapter = Generator(
        SYMBOLS,
        rate=RATE * len(SYMBOLS),
        levels={symbol: SAMPLES[symbol].scaled_at for symbol in SYMBOLS},
    )
    partitions = [Partition() for _ in range(PARTITIONS)]
    found: dict[Key, Bar] = {}
    for offset, trade in enumerate(islice(adapter.trades(began), max(last.values()) * len(SYMBOLS))):
        number = trade.number or 0
        if number > last[trade.symbol]:
            continue
        ticks = [PackedTick(trade.symbol, number, trade.happened, trade.happened, trade.price, trade.size)]
        batch = TickBatch(source=SOURCE, venue=trade.venue, licence="drill", ticks=ticks)
        place = partition_of(trade.symbol, PARTITIONS)
        taken = partitions[place].take([(offset, msgspec.json.encode(batch))])
        for closing in taken.closings:
            for output in outputs(place, partitions[place], closing):
                bar = msgspec.json.decode(output.bar, type=Bar)
                found[bar.symbol, bar.interval, bar.start] = bar
    return found


def on_the_topic(made: Region) -> tuple[int, dict[str, int], int]:
    """When the generator began, the last number of each symbol, and how many numbers came more than once.

    Fails where a number is missing, or has two prices.
    """
    decoder = msgspec.json.Decoder(Tick | TickBatch | Heartbeat)
    said: dict[str, dict[int, int]] = defaultdict(dict)
    began, again, epoch = set[int](), 0, dict[int, int]()
    for partition, _, _, value in made.messages(MARKET_TICKS.name):
        message = decoder.decode(value)
        if isinstance(message, Heartbeat):
            epoch[partition] = max(message.epoch, epoch.get(partition, 0))
            began |= {numbers.began for numbers in message.numbers.values()}
        elif isinstance(message, TickBatch) and message.epoch >= epoch.get(partition, 0):
            for tick in message.ticks:
                again += tick.q in said[tick.s]
                assert said[tick.s].setdefault(tick.q, tick.p) == tick.p
    for symbol, numbers in said.items():
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), f"{symbol} lacks numbers"
    (start,) = began
    return start, {symbol: max(numbers) for symbol, numbers in said.items()}, again


def test_kills_lose_nothing_and_change_no_bar(kafka: KafkaServer, caches: CachePair, tmp_path: Path) -> None:
    with region(kafka, caches, tmp_path / "lake") as made:
        strike(made, kafka)
        began, last, again = on_the_topic(made)
        sums = made.until(
            lambda sums: sums["operator"].reached == sum(last.values()), "the operator has read all"
        )
        operator = sums["operator"]
        assert (operator.missing, operator.late, operator.refused) == (0, 0, 0)
        assert operator.received == sum(last.values())
        assert operator.duplicates == again
        wanted = expected(began, last)
        bars, repeated = made.bars()
        assert set(wanted) <= set(bars), f"{len(set(wanted) - set(bars))} bars are missing"
        differing = [key for key, bar in wanted.items() if bars[key] != bar]
        assert not differing, differing[:3]
    sys.stdout.write(
        f"\n{operator.received} ticks of {len(last)} symbols: lost 0, sent twice and dropped {again};"
        f" {len(wanted)} bars equal, {repeated} repeated under their ids\n"
    )
