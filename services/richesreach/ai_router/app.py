"""Wiring of the AI router."""

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fastapi import FastAPI, Request, Response

from richesreach.ai_router import api, description, openai_api
from richesreach.ai_router.callers import Doorman
from richesreach.ai_router.context.preparing import Preparing
from richesreach.ai_router.dispatching.dispatcher import Dispatcher
from richesreach.ai_router.money import ROUTERS, Money
from richesreach.ai_router.once import Once
from richesreach.ai_router.outcomes import OWN, in_openais_shape
from richesreach.ai_router.providers.connections import Connections, Patience
from richesreach.ai_router.providers.opening import credentials_of, open_providers
from richesreach.ai_router.routing.asking import Asker
from richesreach.ai_router.routing.catalogue import Catalogue
from richesreach.ai_router.routing.estimates import Estimates
from richesreach.ai_router.routing.router import Router
from richesreach.ai_router.service import AiRouter
from richesreach.ai_router.settings import AiSettings
from richesreach.ai_router.tasks import wiring
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
    parts: list[Parts] = []

    def direct(platform: Platform) -> Direct:
        parts.append(compose(platform, own, connections))
        return parts[0].routes

    app = build_app(
        settings,
        title="RichesReach AI router",
        openapi_path="/ai/openapi.json",
        routers=[api.router, *ROUTERS],
        direct=direct,
        max_body=own.max_body_megabytes * 1024 * 1024,
    )
    (found,) = parts
    app.state.ai = found.service
    app.state.members = found.money.members
    found.money.install(app)
    app.state.problem_shapes = {"/v1/": in_openais_shape}
    for kind in OWN:
        app.exception_handler(kind)(_told)
    wiring.install(app)
    description.install(app)
    _live_with(app, found, connections)
    return app


@dataclass(frozen=True, slots=True)
class Parts:
    """What one process is made of."""

    service: AiRouter
    router: Router
    money: Money
    routes: Direct


def compose(platform: Platform, own: AiSettings, connections: Connections) -> Parts:
    """The pieces of one process, joined."""
    overrides = own.overrides
    catalogue = Catalogue.of(own.providers, datetime.now(UTC), overrides.quality)
    credentials = credentials_of(own.providers)
    router = Router(
        catalogue,
        Estimates(platform.settings.region, speed=catalogue.speed, failure=overrides.policy.failure_prior),
        policy=overrides.policy,
        keys=credentials.ids_of,
    )
    money = Money(platform, own)
    dispatcher = Dispatcher(
        router,
        open_providers(own.providers, connections),
        credentials,
        money.books,
        limits=replace(overrides.limits, whole=own.answer_timeout),
    )
    asker = Asker(longest=own.answer_timeout)
    asker.counter.warm()
    service = AiRouter(
        dispatcher,
        asker,
        Preparing(router, asker.counter),
        own.providers,
        answers=money.answers,
        record=money.books.record,
    )
    doorman = Doorman(platform.authenticator, money.members)
    return Parts(service, router, money, openai_api.routes(service, doorman, Once(money.idempotency)))


async def _told(request: Request, error: Exception) -> Response:
    return api.problem_of(request, error)


def _live_with(app: FastAPI, parts: Parts, connections: Connections) -> None:
    """Opens after the platform's own clients, and ends before them: settling and keeping need them."""
    within = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(inner: FastAPI) -> AsyncIterator[None]:
        async with within(inner):
            parts.money.open(parts.router.estimates, parts.router.catalogue)
            yield
            await parts.service.close()
            await parts.money.close()
            await connections.close()

    app.router.lifespan_context = lifespan
