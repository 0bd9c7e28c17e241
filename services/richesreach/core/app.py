"""The application every service starts from: dependencies, middleware, errors, health and metrics."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from richesreach.core import health, problems
from richesreach.core.auth.authenticator import Authenticator
from richesreach.core.auth.key_directory import KeyDirectory
from richesreach.core.auth.revocations import Revocations
from richesreach.core.cache import Cache, Nodes
from richesreach.core.cache.local import LocalCache
from richesreach.core.database import Database
from richesreach.core.events import Events
from richesreach.core.feature_flags import FeatureFlags
from richesreach.core.freshness import Freshness
from richesreach.core.health import Dependency, SharedReport
from richesreach.core.limits.admission import Limits
from richesreach.core.limits.callers import Callers
from richesreach.core.limits.limiter import Limiter
from richesreach.core.logs import logger
from richesreach.core.metrics import Metrics
from richesreach.core.passage import Concerns, Passage
from richesreach.core.reporting import Reporting
from richesreach.core.resilience.drain import Drain
from richesreach.core.resilience.shedding import LoopLag, Shedding
from richesreach.core.rpc.interceptor import ServerInterceptor
from richesreach.core.rpc.server import Contracts, RpcServer
from richesreach.core.settings import Settings
from richesreach.core.tracing import Tracing

MAX_BODY_BYTES = 256 * 1024
# For which the description of an interface may be kept by others: deployments change it, and nothing else.
DESCRIPTION_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Platform:
    """What a service's routes reach: its settings and the clients of its dependencies."""

    settings: Settings
    database: Database
    cache: Cache
    global_cache: Cache
    limiter: Limiter
    authenticator: Authenticator
    keys: KeyDirectory
    callers: Callers
    flags: FeatureFlags
    metrics: Metrics
    tracing: Tracing
    events: Events | None
    dependencies: Mapping[str, Dependency]
    health: SharedReport

    @classmethod
    def from_settings(cls, settings: Settings) -> "Platform":
        database = Database(settings)
        nodes = [settings.cache_primary, settings.cache_secondary]
        servers = Nodes(
            "cache", reads=nodes, writes=nodes, tls=settings.cache_tls, login=settings.cache_login
        )
        memory = LocalCache(max_bytes=settings.cache_local_megabytes * 1024 * 1024)
        cache = Cache(servers, local=memory)
        limiter = Limiter(servers)
        # Read in the own region; written at the home member, or at the own one once that is promoted.
        own, writer = settings.global_cache, settings.global_cache_writer
        # Nothing tells this region what another has written, so that it is asked each time.
        global_cache = Cache(
            Nodes(
                "global_cache",
                reads=[own, writer],
                writes=[writer, own],
                tls=settings.cache_tls,
                login=settings.global_cache_login,
            )
        )
        metrics = Metrics()
        for pool in (database.writer, database.reader):
            metrics.watch_database(pool.name, functools.partial(getattr, pool, "size"))
        for store in (cache, global_cache):
            metrics.watch_cache(store.name, store.counts)
        metrics.watch_limiter(limiter)
        keys = KeyDirectory(database, cache, Revocations(global_cache.servers))
        authenticator = Authenticator(settings, find_key=keys.find)
        metrics.watch_refusals(authenticator.failures)
        callers = Callers(
            settings.rate_limit_tiers,
            trusted=settings.trusted_proxies,
            proxies=settings.proxies,
            identify=authenticator.identify,
        )
        dependencies = {
            "database": health.database_dependency(database),
            "cache": health.cache_dependency(cache),
            "global_cache": health.cache_dependency(global_cache),
        }
        tracing = Tracing(settings)
        events = None
        if settings.stream is not None:
            events = Events(settings, settings.stream, metrics=metrics, tracing=tracing)
            dependencies["stream"] = events.dependency()
        return cls(
            settings,
            database,
            cache,
            global_cache,
            limiter,
            authenticator,
            keys,
            callers,
            FeatureFlags(global_cache.servers, settings.region),
            metrics,
            tracing,
            events,
            dependencies,
            SharedReport(dependencies),
        )

    async def close(self) -> None:
        # First: handlers that end their work need the others.
        if self.events is not None:
            await self.events.close()
        await self.authenticator.close()
        await self.keys.close()
        await self.flags.close()
        await self.database.close()
        await self.cache.close()
        await self.global_cache.close()
        await asyncio.to_thread(self.tracing.close)


def platform_of(connection: HTTPConnection) -> Platform:
    platform: Platform = connection.app.state.platform
    return platform


CurrentPlatform = Annotated[Platform, Depends(platform_of)]


def build_app(
    settings: Settings,
    *,
    title: str,
    openapi_path: str,
    routers: Iterable[APIRouter],
    contracts: Callable[[Platform], Contracts] = lambda _platform: (),
) -> FastAPI:
    """A service with `routers` and everything that all services share.

    `contracts` are what it serves over gRPC, where the platform gives it a port for that.
    """
    platform = Platform.from_settings(settings)
    drain = Drain(longest=settings.drain_seconds)
    lag = LoopLag()
    platform.metrics.watch_lag(lag)
    shedding = Shedding(lag, platform.metrics.shed)
    rpc = _rpc(platform, contracts(platform), settings)
    app = FastAPI(
        title=title,
        version=settings.service_version,
        lifespan=_lifespan(platform, lag, rpc, settings),
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours is the core's
        openapi_url=None,  # ours says that it may be cached
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # behind an edge, a redirect would name the wrong host
        middleware=[Middleware(Passage, concerns=_concerns(platform, drain, shedding, settings))],
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


def _concerns(platform: Platform, drain: Drain, shedding: Shedding, settings: Settings) -> Concerns:
    return Concerns(
        region=settings.region,
        tracing=platform.tracing,
        metrics=platform.metrics,
        drain=drain,
        shedding=shedding,
        limits=Limits(platform.limiter, platform.callers) if settings.rate_limiting else None,
        freshness=Freshness(settings.own_writes_seconds) if settings.own_writes_seconds else None,
        max_body=MAX_BODY_BYTES,
    )


def _operations() -> APIRouter:
    """The routes that load balancers, people on call and scrapers ask; no I/O in the first."""
    router = APIRouter()

    @router.get("/health", tags=["operations"])
    async def health_of_process(platform: CurrentPlatform) -> dict[str, str]:
        return {"status": "ok", **_identity(platform.settings)}

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
