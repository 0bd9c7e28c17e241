"""What the region's publisher tells the other tasks, by way of the region's cache: they answer from it."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from richesreach.core.cache import CacheUnavailableError, Nodes
from richesreach.core.cache.wire import Words
from richesreach.core.ending import end
from richesreach.core.logs import logger
from richesreach.market_data.consensus import Board, Quote
from richesreach.market_data.model import Reading
from richesreach.market_data.recovery import Gap
from richesreach.market_data.source import Report

_RUNNER, _QUOTES, _READINGS = "market:runner", "market:quotes", "market:readings"
_GAPS = "market:gaps"
# The last ones that are kept.
MOST_GAPS = 100
# Seconds: between two tellings; how long the publisher counts as there; how long prices and readings stay.
EVERY, PRESENT, KEPT = 1.0, 10, 7 * 86_400


class Runner(msgspec.Struct, frozen=True, kw_only=True):
    """The publisher: `member` in the term `epoch`, at `at` (Unix nanoseconds). `left` are trades by source
    that were not published, because another source was the symbol's primary; `missed` are ticks by source
    that came after an interruption because they were asked for again.
    """

    member: str
    epoch: int
    at: int
    sources: list[Report]
    waiting: int
    left: dict[str, int]
    missed: dict[str, int] = {}


class Quotes(msgspec.Struct, frozen=True):
    """The newest prices of one symbol, and whose ticks of it are published."""

    primary: str | None
    quotes: list[Quote]


class Telling:
    """Tells every second, until it is closed."""

    def __init__(self, nodes: Nodes, board: Board) -> None:
        self.board = board
        self.runner: Runner | None = None
        self.primary: Mapping[str, str] = {}
        self.gaps: list[Gap] = []
        self._nodes = nodes
        self._readings: dict[str, Reading] = {}
        self._task: asyncio.Task[None] | None = None

    def note(self, reading: Reading) -> None:
        self._readings[f"{reading.source}/{reading.subject}/{reading.name}"] = reading

    def open(self) -> None:
        self._task = asyncio.create_task(self._run(), name="telling")

    async def close(self) -> None:
        task, self._task = self._task, None
        await end(task)

    async def _run(self) -> None:
        while True:
            try:
                await self._tell()
            except CacheUnavailableError:
                pass  # it says so itself; what is told next holds all of this
            except Exception:
                logger().exception("market_untold")
            await asyncio.sleep(EVERY)

    async def _tell(self) -> None:
        changed, self.board.changed = self.board.changed, set()
        readings, self._readings = self._readings, {}
        gaps, self.gaps = self.gaps, []
        commands: list[Words] = []
        if self.runner is not None:
            commands.append(("SET", _RUNNER, msgspec.json.encode(self.runner), "EX", PRESENT))
        if changed:
            commands += _kept(_QUOTES, ((symbol, self._quotes(symbol)) for symbol in changed))
        if readings:
            commands += _kept(_READINGS, readings.items())
        if gaps:
            commands += [
                ("LPUSH", _GAPS, *map(msgspec.json.encode, gaps)),
                ("LTRIM", _GAPS, 0, MOST_GAPS - 1),
                ("EXPIRE", _GAPS, KEPT),
            ]
        if not commands:
            return
        try:
            await self._nodes.write_value(lambda wire: wire.pipeline(commands))
        except CacheUnavailableError:
            self.board.changed |= changed
            self._readings = readings | self._readings
            self.gaps = [*gaps, *self.gaps]
            raise

    def _quotes(self, symbol: str) -> Quotes:
        return Quotes(self.primary.get(symbol), self.board.quotes(symbol))


def _kept(key: str, values: Iterable[tuple[str, msgspec.Struct]]) -> list[Words]:
    fields = [part for name, value in values for part in (name, msgspec.json.encode(value))]
    return [("HSET", key, *fields), ("EXPIRE", key, KEPT)]


class Told:
    """What was told. Each raises CacheUnavailableError."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    async def runner(self) -> Runner | None:
        """None: nobody publishes, or has not said so for PRESENT seconds."""
        raw = await self._nodes.read_value(lambda wire: wire.call("GET", _RUNNER))
        with contextlib.suppress(msgspec.DecodeError):
            return None if raw is None else msgspec.json.decode(raw, type=Runner)
        return None

    async def quotes(self, symbols: Sequence[str]) -> dict[str, Quotes]:
        """Of those that anybody has ever quoted."""
        raws = await self._nodes.read_value(lambda wire: wire.call("HMGET", _QUOTES, *symbols))
        found = {}
        for symbol, raw in zip(symbols, raws, strict=True):
            with contextlib.suppress(msgspec.DecodeError):
                if raw is not None:
                    found[symbol] = msgspec.json.decode(raw, type=Quotes)
        return found

    async def gaps(self) -> list[Gap]:
        """The last ones, the newest first."""
        raws = await self._nodes.read_value(lambda wire: wire.call("LRANGE", _GAPS, 0, -1))
        found = []
        for raw in raws:
            with contextlib.suppress(msgspec.DecodeError):
                found.append(msgspec.json.decode(raw, type=Gap))
        return found

    async def readings(self) -> list[Reading]:
        """By source, subject and name."""
        raws = await self._nodes.read_value(lambda wire: wire.call("HVALS", _READINGS))
        found = []
        for raw in raws:
            with contextlib.suppress(msgspec.DecodeError):
                found.append(msgspec.json.decode(raw, type=Reading))
        return sorted(found, key=lambda one: (one.source, one.subject, one.name))
