"""Wiring of what has to do with money: the books, kept answers, records, and callers' verdicts."""

import asyncio
import contextlib
from datetime import UTC, datetime

from fastapi import APIRouter, FastAPI

from richesreach.ai_router.answers.store import Answers
from richesreach.ai_router.budgets import api as budgets_api
from richesreach.ai_router.budgets.accounts import Accounts
from richesreach.ai_router.budgets.api import BudgetDesk
from richesreach.ai_router.budgets.books import Books, Funds
from richesreach.ai_router.budgets.central import Central
from richesreach.ai_router.budgets.checkpoints import Checkpoints
from richesreach.ai_router.budgets.leases import Leases
from richesreach.ai_router.budgets.limits import Limits
from richesreach.ai_router.budgets.members import Members
from richesreach.ai_router.budgets.offline import Offline
from richesreach.ai_router.budgets.store import BudgetStore
from richesreach.ai_router.idempotency import CLAIMED, Idempotency
from richesreach.ai_router.routing.catalogue import Catalogue
from richesreach.ai_router.routing.estimates import Estimates
from richesreach.ai_router.settings import AiSettings
from richesreach.ai_router.tracking import api as tracking_api
from richesreach.ai_router.tracking.metrics import AiMetrics
from richesreach.ai_router.tracking.performance import Performance
from richesreach.ai_router.tracking.quality import Quality
from richesreach.ai_router.tracking.store import RecordStore
from richesreach.ai_router.tracking.tracker import Tracker
from richesreach.core.app import Platform
from richesreach.core.database import DatabaseUnavailableError
from richesreach.core.ending import end

ROUTERS: tuple[APIRouter, ...] = (budgets_api.router, tracking_api.router)
# Seconds between two looks for verdicts of callers, which other processes have taken too.
LOOKING = 30.0


class Money:
    """`books` is the ledger of dispatching. Open it with the service, and close it before its platform."""

    def __init__(self, platform: Platform, settings: AiSettings) -> None:
        common = platform.settings
        store = BudgetStore(platform.database)
        checkpoints = Checkpoints(store)
        self.central = Central(Accounts(platform.global_cache.servers), checkpoints)
        near = common.region == common.writer_region
        funds: Funds = self.central if near else Leases(self.central)
        limits = Limits(store, platform.cache, default=settings.default_budget)
        metrics = AiMetrics(platform.metrics.registry)
        self.tracker = Tracker(
            RecordStore(platform.database, common.region),
            metrics,
            platform.events,
            service=common.service_name,
            days=settings.record_days,
        )
        self.books = Books(
            limits, funds, checkpoints, Offline(settings.unasked_budget), record=self.tracker.record
        )
        platform.metrics.watch(metrics.watch_books(self.books, lambda: self.central.accounts.expired))
        self.members = Members(platform.database, platform.cache)
        self.answers = Answers(
            platform.cache.servers,
            keeping=settings.answers,
            ttl=settings.answers_ttl,
            semantic=settings.semantic_answers,
        )
        self.idempotency = Idempotency(
            platform.cache.servers, claimed=max(CLAIMED, 2 * settings.answer_timeout)
        )
        self.quality = Quality(platform.database)
        self._performance = Performance(platform.database)
        self._cache = platform.cache
        self._task: asyncio.Task[None] | None = None

    def install(self, app: FastAPI) -> None:
        """What the routes of `ROUTERS` work with."""
        app.state.budget_desk = BudgetDesk(self.books, self.central, self.members)
        app.state.tracking_desk = tracking_api.Desk(
            self._performance, self.quality, self.members, self._cache
        )

    def open(self, estimates: Estimates, catalogue: Catalogue) -> None:
        """Callers' verdicts move the quality that `estimates` hold of the models."""
        self.books.open()
        self.tracker.open()
        self._task = asyncio.create_task(self._follow(estimates, catalogue), name="ai-quality")

    async def close(self) -> None:
        """Settle and tell what is not yet."""
        await end(self._task)
        await self.books.close()
        await self.tracker.close()

    async def judged(self, estimates: Estimates, catalogue: Catalogue) -> None:
        """Take in what callers thought of answers, everywhere. Raises DatabaseUnavailableError."""
        now = datetime.now(UTC)
        for verdicts in await self.quality.all():
            for model in catalogue.models:
                if model.name == verdicts.model:
                    prior = model.quality.get(verdicts.task, model.quality.get("general", 0.5))
                    estimates.hold(model, verdicts.task, verdicts.moved(prior, now))

    async def _follow(self, estimates: Estimates, catalogue: Catalogue) -> None:
        while True:
            with contextlib.suppress(DatabaseUnavailableError):
                await self.judged(estimates, catalogue)
            await asyncio.sleep(LOOKING)
