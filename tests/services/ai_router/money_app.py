"""An application with the routes that have to do with money, and a client of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
from fastapi import FastAPI
from gateway_task import Environment, client_of
from richesreach.ai_router.money import ROUTERS, Money
from richesreach.ai_router.routing.catalogue import Catalogue
from richesreach.ai_router.routing.estimates import Estimates
from richesreach.ai_router.settings import AiSettings
from richesreach.core import logs
from richesreach.core.app import build_app
from richesreach.core.settings import Settings


def money_app(environment: Environment) -> tuple[FastAPI, Money]:
    settings = Settings.from_environment({**environment, "SERVICE_NAME": "ai-router"})
    logs.configure(service=settings.service_name, region=settings.region, level=settings.log_level)
    app = build_app(settings, title="money", openapi_path="/ai/openapi.json", routers=ROUTERS)
    money = Money(app.state.platform, AiSettings.from_environment(environment))
    money.install(app)
    return app, money


@asynccontextmanager
async def money_client(environment: Environment) -> AsyncIterator[tuple[httpx.AsyncClient, Money]]:
    app, money = money_app(environment)
    async with client_of(app) as client:
        catalogue = Catalogue.of({}, datetime.now(UTC))
        money.open(Estimates(), catalogue)
        try:
            yield client, money
        finally:
            await money.close()
