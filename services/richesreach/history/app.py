"""Wiring of the history service."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator

from fastapi import FastAPI

from richesreach.core import health
from richesreach.core.app import Platform, build_app
from richesreach.core.events import Events
from richesreach.core.events.accounting import StageAccount, Teller
from richesreach.core.events.connection import connection
from richesreach.core.events.topics import MARKET_BARS
from richesreach.core.settings import Settings, SettingsError
from richesreach.history.bars import BarStore, BarWorker
from richesreach.history.compact import lake_of
from richesreach.history.lake.layouts import BARS, LAYOUTS, TECHNICAL_INDICATORS, TICKS
from richesreach.history.lake.manifests import Place
from richesreach.history.lake.store import LakeStore
from richesreach.history.lake.worker import LakeWorker
from richesreach.history.metrics import HistoryMetrics
from richesreach.history.reading import Reading, Worker
from richesreach.history.settings import HistorySettings

# Of each dataset's topic, and of the database's bars, as the manifest lists them.
GROUPS = {
    TICKS.dataset: "history.ticks",
    BARS.dataset: "history.bars",
    TECHNICAL_INDICATORS.dataset: "history.indicators",
}
DATABASE_GROUP = "history.database"


def create_app(settings: Settings, store: LakeStore | None = None) -> FastAPI:
    """Raises SettingsError where the environment has no stream or no lake, or is wrong."""
    own = HistorySettings.from_environment(os.environ)
    app = build_app(settings, title="RichesReach history", openapi_path="/history/openapi.json", routers=[])
    platform: Platform = app.state.platform
    if platform.events is None:
        raise SettingsError(["KAFKA_BOOTSTRAP_SERVERS is missing: there is no stream to keep"])
    keeping = Keeping(platform, platform.events, own, store or lake_of(settings))
    app.state.keeping = keeping
    platform.dependencies["readings"] = keeping.dependency()
    _live_with(app, keeping)
    return app


class Keeping:
    """What one process reads, and where to."""

    def __init__(self, platform: Platform, events: Events, own: HistorySettings, store: LakeStore) -> None:
        settings = platform.settings
        metrics = HistoryMetrics(platform.metrics.registry)
        lake = {
            layout: LakeWorker(
                Place(store, layout, settings.region),
                group=GROUPS[layout.dataset],
                origin=own.origin,
                limits=own.limits,
                events=events,
                metrics=metrics,
                member=f"{socket.gethostname()}-{os.getpid()}",
            )
            for layout in LAYOUTS
        }
        work: list[tuple[str, str, Worker]] = [
            (layout.topic, GROUPS[layout.dataset], worker) for layout, worker in lake.items()
        ]
        # The database has one writer; its bars are those of the stream that is beside it.
        if settings.region == settings.writer_region:
            bars = BarStore(platform.database, own.source)
            work.append(
                (
                    MARKET_BARS.name,
                    DATABASE_GROUP,
                    BarWorker(bars, group=DATABASE_GROUP, events=events, metrics=metrics),
                )
            )
        brokers = connection(events.address, client=settings.service_name, region=settings.region)
        self.readings = [
            Reading(brokers, topic, group, worker, events.metrics) for topic, group, worker in work
        ]
        self._lake = list(lake.values())
        self._teller = Teller(platform.cache.servers, self.accounts)

    def accounts(self) -> Iterator[StageAccount]:
        for worker in self._lake:
            yield from worker.accounts

    def dependency(self) -> health.Dependency:
        """Degraded while one begins or waits; never down: another task would find the same lake."""

        async def check() -> health.Report:
            troubles = {each.group: each.trouble for each in self.readings if each.trouble is not None}
            if troubles:
                named = "; ".join(f"{group}: {trouble}" for group, trouble in troubles.items())
                return {"status": "degraded", "error": named}
            return {"status": "healthy", "groups": len(self.readings)}

        return health.Dependency(check, critical=False)

    def open(self) -> None:
        for reading in self.readings:
            reading.open()
        self._teller.open()

    async def close(self) -> None:
        await asyncio.gather(*(reading.close() for reading in self.readings))
        await self._teller.close()


def _live_with(app: FastAPI, keeping: Keeping) -> None:
    """Opens after the platform's own clients, and ends before them."""
    within = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(inner: FastAPI) -> AsyncIterator[None]:
        async with within(inner):
            keeping.open()
            yield
            await keeping.close()

    app.router.lifespan_context = lifespan
