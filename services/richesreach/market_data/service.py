"""What the tasks of a region answer: from what its publisher, and every stage, told in the region's cache."""

import time
from collections.abc import Mapping, Sequence

from richesreach.core.cache import CacheUnavailableError, Nodes
from richesreach.core.events import accounting
from richesreach.core.events.accounting import STAGES, Sum
from richesreach.core.problems import Problem
from richesreach.market_data import schemas
from richesreach.market_data.consensus import consensus
from richesreach.market_data.model import State
from richesreach.market_data.recovery import Gap, unknown_seconds
from richesreach.market_data.roster import Entry
from richesreach.market_data.schemas import moment, price_text
from richesreach.market_data.source import Report, unheard
from richesreach.market_data.told import Quotes, Told

# Nanoseconds for which what was found to be unknown counts as recent.
RECENT = 3600 * 10**9


class Market:
    """`entries` are the sources as this task would run them: it says why one of them does not."""

    def __init__(self, nodes: Nodes, region: str, entries: Sequence[Entry]) -> None:
        self._nodes = nodes
        self._told = Told(nodes)
        self._region = region
        self._entries = entries
        self._licences = {entry.about.name: entry.about.licence for entry in entries}

    async def sources(self) -> schemas.Sources:
        """Raises Problem 503 without the cache."""
        try:
            runner = await self._told.runner()
        except CacheUnavailableError as error:
            raise _unavailable() from error
        known = {report.name: report for report in runner.sources} if runner is not None else {}
        left, missed = (runner.left, runner.missed) if runner is not None else ({}, {})
        reports = [known.get(entry.about.name) or _unheard(entry) for entry in self._entries]
        return schemas.Sources(
            region=self._region,
            publisher=runner.member if runner is not None else None,
            epoch=runner.epoch if runner is not None else None,
            waiting=runner.waiting if runner is not None else 0,
            sources=[_source(report, left, missed) for report in reports],
        )

    async def sums(self) -> list[Sum]:
        """What every stage has taken. Raises Problem 503 without the cache."""
        try:
            return accounting.summed(await accounting.read(self._nodes), time.time_ns())
        except CacheUnavailableError as error:
            raise _unavailable() from error

    async def gaps(self) -> list[Gap]:
        """The newest first. Raises Problem 503 without the cache."""
        try:
            return await self._told.gaps()
        except CacheUnavailableError as error:
            raise _unavailable() from error

    async def unknown(self) -> dict[str, float]:
        """Seconds of which it is unknown what a source said, by each that runs or has any, as was told within
        the last hour. Raises Problem 503 without the cache.
        """
        runs = {entry.about.name: 0.0 for entry in self._entries if entry.adapter is not None}
        return runs | unknown_seconds(await self.gaps(), time.time_ns() - RECENT)

    async def loss(self) -> schemas.Loss:
        sums, gaps = await self.sums(), await self.gaps()
        reached: dict[str, int] = {}
        for one in sums:
            reached.setdefault(one.source, one.reached)
        return schemas.Loss(
            region=self._region,
            missing=sum(one.here for one in sums),
            silent=[stage for stage in STAGES if any(one.silent for one in sums if one.stage == stage)],
            untold=[stage for stage in STAGES if stage not in {one.stage for one in sums}],
            unknown=[_gap(gap) for gap in gaps],
            stages=[_stage(one, reached[one.source]) for one in sums],
        )

    async def consensus(self, symbol: str) -> schemas.Consensus:
        """Raises Problem 404 for what nobody has quoted, or not lately."""
        found = (await self._quotes([symbol])).get(symbol)
        agreed = consensus(found.quotes, time.time_ns()) if found is not None else None
        if found is None or agreed is None:
            why = "has no price that is young enough" if found is not None else "is quoted by no source"
            raise Problem(404, "unknown-symbol", f"{symbol[:32]} {why}.")
        return schemas.Consensus(
            symbol=symbol,
            price=price_text(agreed.price),
            sources=list(agreed.sources),
            outliers=[
                schemas.Outlier(source=off.source, price=price_text(off.price), away=off.away)
                for off in agreed.outliers
            ],
            stale=list(agreed.stale),
            disputed=agreed.disputed,
            quotes=[
                schemas.Quote(
                    source=quote.source,
                    licence=self._licence(quote.source),
                    price=price_text(quote.price),
                    time=moment(quote.happened),
                )
                for quote in found.quotes
            ],
        )

    async def prices(self, symbols: Sequence[str]) -> schemas.LatestPrices:
        """The newest of each; symbols that nobody has quoted are named."""
        found = await self._quotes(symbols)
        now = time.time_ns()
        return schemas.LatestPrices(
            prices=[self._latest(symbol, found[symbol], now) for symbol in symbols if symbol in found],
            unknown=[symbol for symbol in symbols if symbol not in found],
        )

    async def readings(self) -> schemas.Readings:
        try:
            found = await self._told.readings()
        except CacheUnavailableError as error:
            raise _unavailable() from error
        return schemas.Readings(
            readings=[
                schemas.Reading(
                    source=one.source,
                    licence=one.licence,
                    subject=one.subject,
                    name=one.name,
                    value=format(one.value, "f"),
                    time=moment(one.happened),
                )
                for one in found
            ]
        )

    def _latest(self, symbol: str, found: Quotes, now: int) -> schemas.LatestPrice:
        primary = [quote for quote in found.quotes if quote.source == found.primary]
        newest = max(primary or found.quotes, key=lambda quote: quote.happened)
        agreed = consensus(found.quotes, now)
        return schemas.LatestPrice(
            symbol=symbol,
            price=price_text(newest.price),
            time=moment(newest.happened),
            source=newest.source,
            licence=self._licence(newest.source),
            consensus=price_text(agreed.price) if agreed is not None else None,
        )

    def _licence(self, source: str) -> str:
        """Of a source that another version of this service told of, nothing is known."""
        return self._licences.get(source, "unknown")

    async def _quotes(self, symbols: Sequence[str]) -> dict[str, Quotes]:
        try:
            found = await self._told.quotes(symbols)
        except CacheUnavailableError as error:
            raise _unavailable() from error
        return {symbol: quotes for symbol, quotes in found.items() if quotes.quotes}


def _unavailable() -> Problem:
    return Problem(
        503, "cache-unavailable", "What the region's publisher tells cannot be read now.",
        headers={"retry-after": "2"},
    )  # fmt: skip


def _unheard(entry: Entry) -> Report:
    """Of a source while nobody publishes."""
    if entry.adapter is None:
        return unheard(entry.about, State.DISABLED, entry.disabled)
    return unheard(entry.about, State.IDLE, "no task of the region publishes")


def _source(report: Report, left: Mapping[str, int], missed: Mapping[str, int]) -> schemas.Source:
    return schemas.Source(
        name=report.name,
        licence=report.licence,
        state=report.state.value,
        why=report.why,
        since=moment(report.since) if report.since else None,
        heard=moment(report.heard) if report.heard else None,
        connections=report.connections,
        records=report.records,
        rejected=dict(report.rejected),
        left=left.get(report.name, 0),
        missed=missed.get(report.name, 0),
    )


def _gap(gap: Gap) -> schemas.Gap:
    return schemas.Gap(
        source=gap.source,
        since=moment(gap.since),
        until=moment(gap.until),
        symbols=gap.symbols,
        named=gap.named,
        why=gap.why,
    )


def _stage(one: Sum, reached: int) -> schemas.Stage:
    return schemas.Stage(
        stage=one.stage,
        source=one.source,
        received=one.received,
        missing=one.missing,
        lost_here=one.here,
        duplicates=one.duplicates,
        late=one.late,
        refused=one.refused,
        behind=max(0, reached - one.reached),
        symbols=one.symbols,
        members=list(one.members),
        newest=moment(one.newest) if one.newest else None,
        told=moment(one.at),
        silent=one.silent,
        lost=one.lost,
    )
