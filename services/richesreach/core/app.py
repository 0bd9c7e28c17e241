"""The application every service starts from: dependencies, middleware, errors, health and metrics."""

import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from richesreach.core import problems
from richesreach.core.dispatch import Direct, DirectPaths, Dispatch
from richesreach.core.exchange import Concerns
from richesreach.core.freshness import Freshness
from richesreach.core.limits.admission import Limits
from richesreach.core.logs import logger
from richesreach.core.passage import Passage
from richesreach.core.platform import CurrentPlatform, Platform
from richesreach.core.reporting import Reporting
from richesreach.core.resilience.drain import Drain
from richesreach.core.resilience.shedding import LoopLag, Shedding
from richesreach.core.rpc.interceptor import ServerInterceptor
from richesreach.core.rpc.server import Contracts, RpcServer
from richesreach.core.settings import Settings

__all__ = ["CurrentPlatform", "Platform", "Service", "build_app"]

MAX_BODY_BYTES = 256 * 1024
# For which the description of an interface may be kept by others: deployments change it, and nothing else.
DESCRIPTION_SECONDS = 300


class Service(FastAPI):
    """An application whose outermost layer is the passage; it does what FastAPI's own outer layers do.

    `direct` are paths that are answered before the routes are looked at.
    """

    def __init__(self, concerns: Concerns, **told: Any) -> None:
        super().__init__(
            telemetry={"tracing": False, "metrics": False, "logs": False},  # ours is the core's
            openapi_url=None,  # ours says that it may be cached
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,  # behind an edge, a redirect would name the wrong host
            **told,
        )
        self.concerns = concerns
        self.direct = DirectPaths()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        if self.middleware_stack is None or scope["type"] == "lifespan":
            return super().__call__(scope, receive, send)
        # What is left of the framework's own way for a request, without its two coroutines.
        scope["app"] = self
        return cast("Coroutine[Any, Any, None]", self.middleware_stack(scope, receive, send))

    def build_middleware_stack(self) -> ASGIApp:
        handlers = self.exception_handlers
        framework = ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers)
        return Passage(Dispatch(self.direct, self.router, framework), self.concerns, handlers)


def build_app(
    settings: Settings,
    *,
    title: str,
    openapi_path: str,
    routers: Iterable[APIRouter],
    contracts: Callable[[Platform], Contracts] = lambda _platform: (),
    direct: Callable[[Platform], Direct] = lambda _platform: {},
    max_body: int = MAX_BODY_BYTES,
) -> Service:
    """A service with `routers` and everything that all services share.

    `contracts` are what it serves over gRPC, where the platform gives it a port for that; `direct` what it
    answers without a framework, by method and path. `max_body` is in bytes.
    """
    platform = Platform.from_settings(settings)
    drain = Drain(longest=settings.drain_seconds)
    lag = LoopLag()
    platform.metrics.watch_lag(lag)
    shedding = Shedding(lag, platform.metrics.shed)
    rpc = _rpc(platform, contracts(platform), settings)
    app = Service(
        _concerns(platform, drain, shedding, settings, max_body),
        title=title,
        version=settings.service_version,
        lifespan=_lifespan(platform, lag, rpc, settings),
    )
    app.state.platform = platform
    app.state.authenticator = platform.authenticator
    app.state.drain = drain
    app.state.shedding = shedding
    problems.install(app)
    app.include_router(_operations())
    app.include_router(_published(openapi_path))
    for router in routers:
        app.include_router(router)
    app.direct.add({("GET", "/health"): _health(settings), **direct(platform)})
    return app


def _lifespan(
    platform: Platform, lag: LoopLag, rpc: RpcServer | None, settings: Settings
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    reporting = Reporting(
        platform.metrics, cloudwatch=settings.environment if settings.embedded_metrics else None
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await platform.database.open()
        platform.cache.open()
        platform.keys.open()
        platform.revoked_users.open()
        platform.flags.open()
        if platform.events is not None:
            platform.events.open()
        lag.open()
        reporting.open()
        logger().info("service_started", version=settings.service_version, environment=settings.environment)
        if rpc is not None:
            await rpc.open()
        yield
        if rpc is not None:
            await rpc.close()
        await lag.close()
        await reporting.close()
        await platform.close()
        logger().info("service_stopped")

    return lifespan


def _rpc(platform: Platform, contracts: Contracts, settings: Settings) -> RpcServer | None:
    if not contracts or not settings.rpc_port:
        return None
    # Neighbours alone reach the port, and each says which service it is.
    interceptor = ServerInterceptor(
        platform.metrics, platform.tracing, platform.authenticator, roles=frozenset({"service"})
    )
    return RpcServer(f"{settings.bind_address}:{settings.rpc_port}", contracts, interceptor)


def _concerns(
    platform: Platform, drain: Drain, shedding: Shedding, settings: Settings, max_body: int
) -> Concerns:
    return Concerns(
        region=settings.region,
        tracing=platform.tracing,
        metrics=platform.metrics,
        drain=drain,
        shedding=shedding,
        limits=Limits(platform.limiter, platform.callers) if settings.rate_limiting else None,
        freshness=Freshness(settings.own_writes_seconds) if settings.own_writes_seconds else None,
        max_body=max_body,
    )


def _operations() -> APIRouter:
    """The routes that load balancers, people on call and scrapers ask; no I/O in the first."""
    router = APIRouter()

    @router.get("/health", tags=["operations"])
    async def health_of_process(platform: CurrentPlatform) -> dict[str, str]:
        """For the description: it is answered directly."""
        return _alive(platform.settings)

    @router.get("/health/detailed/", tags=["operations"])
    @router.get("/health/detailed", include_in_schema=False)
    async def health_of_dependencies(platform: CurrentPlatform) -> JSONResponse:
        status, found = await platform.health.get()
        body: dict[str, Any] = {"status": status, **_identity(platform.settings), "dependencies": found}
        return JSONResponse(body, 503 if status == "down" else 200, headers={"cache-control": "no-store"})

    @router.get("/metrics/", include_in_schema=False)
    @router.get("/metrics", include_in_schema=False)
    async def metrics(platform: CurrentPlatform) -> Response:
        return platform.metrics.exposition()

    return router


def _health(settings: Settings) -> ASGIApp:
    """What never changes while the process lives."""
    response = JSONResponse(_alive(settings))

    async def health_of_process(scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, send)

    return health_of_process


def _alive(settings: Settings) -> dict[str, str]:
    return {"status": "ok", **_identity(settings)}


def _published(openapi_path: str) -> APIRouter:
    """The description of the service's own interface: the same for everybody, and said so to the edge."""
    router = APIRouter()

    @router.get(openapi_path, include_in_schema=False)
    async def description(request: Request) -> JSONResponse:
        headers = {"cache-control": f"public, max-age={DESCRIPTION_SECONDS}"}
        return JSONResponse(request.app.openapi(), headers=headers)

    return router


def _identity(settings: Settings) -> dict[str, str]:
    return {
        "service": settings.service_name,
        "region": settings.region,
        "version": settings.service_version,
    }
