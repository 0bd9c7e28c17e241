"""What a source said once, said again: from batches as they are on the stream, at the pace they came, or
faster.

The licence stays that of the source, and the name tells both: `replay.finnhub`. Numbers stay too, so that a
replay that is begun anew is recognised by them.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from richesreach.core.events.schemas import TickBatch
from richesreach.core.limits.gcra import Tier
from richesreach.core.vendors.errors import SourceRefusedError
from richesreach.core.vendors.pace import Pace
from richesreach.market_data.model import About, Record, Rejection, Trade
from richesreach.market_data.source import Reject

_LINES = 256


class Replay:
    """`batches` of one source, in the order in which they are to be said."""

    def __init__(
        self,
        source: str,
        licence: str,
        batches: AsyncIterable[TickBatch | msgspec.DecodeError],
        *,
        speed: float | None = 1.0,
        shift: bool = True,
    ) -> None:
        """`speed` 2 is twice as fast as it was, None as fast as it is taken. With `shift` the first tick
        happens now and the others as long after it as `speed` makes it; else all keep their times.
        """
        if speed is not None and speed <= 0:
            raise ValueError(f"speed {speed:g} must be above zero, or None")
        self._about = About(
            name=f"replay.{source}",
            licence=licence,
            documentation="docs/market-data.md",
            pace=Tier("replay", 1000, 1, 1000),
            contiguous=True,
        )
        self._source = source
        self._batches = batches
        self._speed = speed
        self._shift = shift

    @property
    def about(self) -> About:
        return self._about

    async def records(self, _pace: Pace, reject: Reject) -> AsyncGenerator[Sequence[Record], None]:
        """Ends with the batches. Raises SourceRefusedError for those of another source."""
        begin, first = time.time_ns(), None
        async for batch in self._batches:
            if isinstance(batch, msgspec.DecodeError):
                reject(Rejection(self._about.name, "undecodable", str(batch)[:200], b""))
                continue
            if batch.source != self._source:
                raise SourceRefusedError(f"a replay of {self._source} has ticks of {batch.source[:40]}")
            first = batch.ticks[0].t if first is None else first
            await self._until(begin, batch.ticks[-1].t - first)
            yield [
                Trade(tick.s, batch.venue, tick.p, tick.z, self._time(tick.t, first, begin), tick.q)
                for tick in batch.ticks
            ]

    def _time(self, happened: int, first: int, begin: int) -> int:
        if not self._shift:
            return happened
        return begin + int((happened - first) / (self._speed or 1.0))

    async def _until(self, begin: int, after: int) -> None:
        if self._speed is not None:
            left = (begin - time.time_ns() + after / self._speed) / 1e9
            if left > 0:
                await asyncio.sleep(left)


async def lines(file: Path) -> AsyncIterator[TickBatch | msgspec.DecodeError]:
    """Batches of a file with one JSON message a line; a line that is none comes as its error."""
    decoder = msgspec.json.Decoder(TickBatch)
    with await asyncio.to_thread(file.open, "rb") as opened:
        while found := await asyncio.to_thread(_some, opened):
            for line in found:
                try:
                    yield decoder.decode(line)
                except msgspec.DecodeError as error:
                    yield error


def _some(opened: BinaryIO) -> list[bytes]:
    return list(islice(opened, _LINES))
