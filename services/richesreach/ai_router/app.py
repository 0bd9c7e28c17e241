"""Wiring of the AI router."""

import contextlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from fastapi import FastAPI, Request, Response

from richesreach.ai_router import api, openai_api
from richesreach.ai_router.callers import Doorman
from richesreach.ai_router.chain import Limits
from richesreach.ai_router.dispatch import Dispatcher
from richesreach.ai_router.ledger import Ledger
from richesreach.ai_router.outcomes import OWN
from richesreach.ai_router.providers.connections import Connections, Patience
from richesreach.ai_router.providers.opening import credentials_of, open_providers
from richesreach.ai_router.routing.asking import Asker
from richesreach.ai_router.routing.catalogue import Catalogue
from richesreach.ai_router.routing.estimates import Estimates
from richesreach.ai_router.routing.router import Router
from richesreach.ai_router.service import AiRouter
from richesreach.ai_router.settings import AiSettings
from richesreach.ai_router.tasks import wiring
from richesreach.ai_router.unlimited import Unlimited
from richesreach.core.app import Platform, build_app
from richesreach.core.dispatch import Direct
from richesreach.core.settings import Settings


def create_app(settings: Settings, ai: AiSettings | None = None) -> FastAPI:
    """Raises SettingsError for what the environment says of providers, where `ai` is not given."""
    own = ai or AiSettings.from_environment(os.environ)
    connections = Connections(
        Patience(
            connect=own.connect_timeout, silence=own.silence_timeout, connections=own.provider_connections
        ),
        private=own.private_providers,
    )
    service = compose(own, connections, Unlimited(), settings.region)

    def direct(platform: Platform) -> Direct:
        return openai_api.routes(service, Doorman(platform.authenticator))

    app = build_app(
        settings,
        title="RichesReach AI router",
        openapi_path="/ai/openapi.json",
        routers=[api.router],
        direct=direct,
        max_body=own.max_body_megabytes * 1024 * 1024,
    )
    app.state.ai = service
    for kind in OWN:
        app.exception_handler(kind)(_told)
    wiring.install(app)
    _close_with(app, service, connections)
    return app


def compose(own: AiSettings, connections: Connections, ledger: Ledger, region: str) -> AiRouter:
    """The pieces of one process, joined."""
    catalogue = Catalogue.of(own.providers, datetime.now(UTC))
    credentials = credentials_of(own.providers)
    router = Router(
        catalogue,
        Estimates(region, speed=catalogue.speed),
        keys=lambda provider: tuple(key.id for key in credentials.of(provider)),
    )
    dispatcher = Dispatcher(
        router,
        open_providers(own.providers, connections),
        credentials,
        ledger,
        limits=Limits(whole=own.answer_timeout),
    )
    asker = Asker(longest=own.answer_timeout)
    asker.counter.warm()
    return AiRouter(dispatcher, asker, own.providers)


async def _told(request: Request, error: Exception) -> Response:
    return api.problem_of(request, error)


def _close_with(app: FastAPI, service: AiRouter, connections: Connections) -> None:
    """Ends what was begun here before the platform's own clients end: settling needs them."""
    within = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(inner: FastAPI) -> AsyncIterator[None]:
        async with within(inner):
            yield
            await service.close()
            await connections.close()

    app.router.lifespan_context = lifespan
