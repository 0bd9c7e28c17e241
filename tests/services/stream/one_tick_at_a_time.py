"""Bars as a reader of the definitions would make them by hand: tick after tick, in Python's integers."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import msgspec
from richesreach.core.events.schemas import Heartbeat, PackedTick, TickBatch
from richesreach.stream import bars, wide
from richesreach.stream.definitions import INTERVALS, LATENESS, LEAD, SECOND
from richesreach.stream.partition import Closing, Partition, Taken

NOON = 1_767_268_800 * SECOND
Message = tuple[int, bytes]
# In place of a source's name: the message is a heartbeat, of the time of its one tick.
BEAT = "heartbeat"


class MadeBar(NamedTuple):
    """One closed bar, and the offset of the message that closed it."""

    offset: int
    end: int
    interval: str
    symbol: str
    open: int
    high: int
    low: int
    close: int
    volume: int
    notional: int
    ticks: int


class MadeTick(NamedTuple):
    """One tick, with the name of its source."""

    source: str
    tick: PackedTick


@dataclass
class ByHand:
    """What should come of messages."""

    bars: list[MadeBar] = field(default_factory=list)
    refused: list[tuple[int, int, str]] = field(default_factory=list)
    duplicates: int = 0


def tick(
    symbol: str,
    sequence: int,
    event: int,
    price: int = 10**10,
    size: int = 10**8,
    received: int | None = None,
) -> PackedTick:
    return PackedTick(
        s=symbol, q=sequence, t=event, r=event if received is None else received, p=price, z=size
    )


def message(offset: int, source: str, ticks: list[PackedTick]) -> Message:
    if source == BEAT:
        return offset, msgspec.json.encode(Heartbeat(member="a", epoch=1, time=ticks[0].t))
    batch = TickBatch(source=source, venue="XNAS", licence="internal", ticks=ticks, epoch=1)
    return offset, msgspec.json.encode(batch)


def by_hand(batches: Iterable[tuple[int, str, list[PackedTick]]]) -> ByHand:
    made = ByHand()
    seen: set[tuple[str, str, int]] = set()
    windows: dict[tuple[int, int, str], list[MadeTick]] = defaultdict(list)
    latest = 0
    for offset, source, ticks in batches:
        if source == BEAT:
            latest = max(latest, ticks[0].t)
        for place, one in enumerate(ticks if source != BEAT else ()):
            if (source, one.s, one.q) in seen:
                made.duplicates += 1
                continue
            seen.add((source, one.s, one.q))
            if one.t > one.r + LEAD:
                made.refused.append((offset, place, "ahead"))
            elif one.t // SECOND * SECOND + SECOND <= latest - LATENESS:
                made.refused.append((offset, place, "late"))
            else:
                latest = max(latest, one.t)
                for number, interval in enumerate(INTERVALS):
                    start = one.t // interval.length * interval.length
                    windows[number, start + interval.length, one.s].append(MadeTick(source, one))
        for key in sorted(key for key in windows if key[1] <= latest - LATENESS):
            made.bars.append(_bar(offset, key, windows.pop(key)))
    return made


def _bar(offset: int, key: tuple[int, int, str], held: list[MadeTick]) -> MadeBar:
    number, end, symbol = key
    ticks = [one.tick for one in sorted(held, key=lambda one: (one.tick.t, one.source, one.tick.q))]
    prices = [one.p for one in ticks]
    return MadeBar(
        offset=offset,
        end=end,
        interval=INTERVALS[number].name,
        symbol=symbol,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=sum(one.z for one in ticks),
        notional=sum(one.p * one.z for one in ticks),
        ticks=len(ticks),
    )


def made_bars(partition: Partition, closings: Iterable[Closing]) -> list[MadeBar]:
    """The operator's bars in the same words."""
    names = partition.reader.symbols.names
    return [
        MadeBar(
            offset=closing.offset,
            end=closing.start + INTERVALS[closing.interval].length,
            interval=INTERVALS[closing.interval].name,
            symbol=names[symbol],
            open=row[bars.OPEN],
            high=row[bars.HIGH],
            low=row[bars.LOW],
            close=row[bars.CLOSE],
            volume=wide.whole(row[bars.VOLUME]),
            notional=wide.whole(row[bars.NOTIONAL]),
            ticks=row[bars.TICKS],
        )
        for closing in closings
        for symbol, row in zip(closing.symbols.tolist(), closing.rows.tolist(), strict=True)
    ]


def take_in_parts(partition: Partition, messages: list[Message], cuts: Iterable[int]) -> list[Taken]:
    """Give the messages in portions that end at the cuts."""
    places = sorted({cut % (len(messages) + 1) for cut in cuts} | {0, len(messages)})
    return [partition.take(messages[start:end]) for start, end in pairwise(places)]
