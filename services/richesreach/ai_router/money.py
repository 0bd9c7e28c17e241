"""Wiring of what has to do with money: the books and what they stand on."""

from fastapi import APIRouter, FastAPI

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
from richesreach.ai_router.settings import AiSettings
from richesreach.core.app import Platform

ROUTERS: tuple[APIRouter, ...] = (budgets_api.router,)


class Money:
    """`books` is the ledger of dispatching. Open it with the service, and close it before its platform."""

    def __init__(self, platform: Platform, settings: AiSettings) -> None:
        store = BudgetStore(platform.database)
        checkpoints = Checkpoints(store)
        self.central = Central(Accounts(platform.global_cache.servers), checkpoints)
        near = platform.settings.region == platform.settings.writer_region
        funds: Funds = self.central if near else Leases(self.central)
        limits = Limits(store, platform.cache, default=settings.default_budget)
        self.books = Books(limits, funds, checkpoints, Offline(settings.unasked_budget))
        self.members = Members(platform.database, platform.cache)

    def install(self, app: FastAPI) -> None:
        """What the routes of `ROUTERS` work with."""
        app.state.budget_desk = BudgetDesk(self.books, self.central, self.members)

    def open(self) -> None:
        self.books.open()

    async def close(self) -> None:
        await self.books.close()
