"""What a service's routes reach: its settings and the clients of its dependencies."""

import asyncio
import functools
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from richesreach.core import health
from richesreach.core.auth.authenticator import Authenticator
from richesreach.core.auth.key_directory import KeyDirectory
from richesreach.core.auth.revocations import LONGEST_TOKEN, SUBJECTS, Revocations
from richesreach.core.cache import Cache, Nodes
from richesreach.core.cache.local import LocalCache
from richesreach.core.database import Database
from richesreach.core.events import Events
from richesreach.core.feature_flags import FeatureFlags
from richesreach.core.health import Dependency, SharedReport
from richesreach.core.limits.callers import Callers
from richesreach.core.limits.limiter import Limiter
from richesreach.core.metrics import Metrics
from richesreach.core.neighbourhood import Neighbourhood
from richesreach.core.settings import Settings
from richesreach.core.tracing import Tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One of everything, for the life of the process."""

    settings: Settings
    database: Database
    cache: Cache
    global_cache: Cache
    limiter: Limiter
    authenticator: Authenticator
    keys: KeyDirectory
    revoked_users: Revocations
    callers: Callers
    flags: FeatureFlags
    metrics: Metrics
    tracing: Tracing
    events: Events | None
    neighbours: Neighbourhood
    # A service may add its own before it serves.
    dependencies: dict[str, Dependency]
    health: SharedReport

    @classmethod
    def from_settings(cls, settings: Settings) -> "Platform":
        metrics, tracing = Metrics(), Tracing(settings)
        database = Database(settings)
        cache, global_cache = _cache(settings), _global_cache(settings)
        limiter = Limiter(cache.servers)
        keys = KeyDirectory(database, cache, Revocations(global_cache.servers))
        revoked_users = Revocations(global_cache.servers, SUBJECTS, remembered=LONGEST_TOKEN)
        authenticator = Authenticator(
            settings, find_key=keys.find, known_key=keys.known, revoked=revoked_users.covers
        )
        events = None
        if settings.stream is not None:
            events = Events(settings, settings.stream, metrics=metrics, tracing=tracing)
        for pool in (database.writer, database.reader):
            metrics.watch_database(pool.name, functools.partial(getattr, pool, "size"))
        for store in (cache, global_cache):
            metrics.watch_cache(store.name, store.counts)
        metrics.watch_limiter(limiter)
        metrics.watch_refusals(authenticator.failures)
        dependencies = _dependencies(database, cache, global_cache, events)
        return cls(
            settings=settings,
            database=database,
            cache=cache,
            global_cache=global_cache,
            limiter=limiter,
            authenticator=authenticator,
            keys=keys,
            revoked_users=revoked_users,
            callers=_callers(settings, authenticator),
            flags=FeatureFlags(global_cache.servers, settings.region),
            metrics=metrics,
            tracing=tracing,
            events=events,
            neighbours=Neighbourhood(settings, metrics=metrics, tracing=tracing),
            dependencies=dependencies,
            health=SharedReport(dependencies),
        )

    async def close(self) -> None:
        # First: handlers that end their work need the others.
        if self.events is not None:
            await self.events.close()
        await self.neighbours.close()
        await self.authenticator.close()
        await self.keys.close()
        await self.revoked_users.close()
        await self.flags.close()
        await self.database.close()
        await self.cache.close()
        await self.global_cache.close()
        await asyncio.to_thread(self.tracing.close)


def _cache(settings: Settings) -> Cache:
    """The region's own, with a memory in the process."""
    nodes = [settings.cache_primary, settings.cache_secondary]
    servers = Nodes("cache", reads=nodes, writes=nodes, tls=settings.cache_tls, login=settings.cache_login)
    return Cache(servers, local=LocalCache(max_bytes=settings.cache_local_megabytes * 1024 * 1024))


def _global_cache(settings: Settings) -> Cache:
    """Read in the own region; written at the home member, or at the own one once that is promoted.

    Nothing tells this region what another has written, so that it is asked each time.
    """
    own, writer = settings.global_cache, settings.global_cache_writer
    servers = Nodes(
        "global_cache",
        reads=[own, writer],
        writes=[writer, own],
        tls=settings.cache_tls,
        login=settings.global_cache_login,
    )
    return Cache(servers)


def _callers(settings: Settings, authenticator: Authenticator) -> Callers:
    return Callers(
        settings.rate_limit_tiers,
        trusted=settings.trusted_proxies,
        proxies=settings.proxies,
        identify=authenticator.identify,
        known=authenticator.at_once,
    )


def _dependencies(
    database: Database, cache: Cache, global_cache: Cache, events: Events | None
) -> dict[str, Dependency]:
    """What the health of the service is made of."""
    found = {
        "database": health.database_dependency(database),
        "cache": health.cache_dependency(cache),
        "global_cache": health.cache_dependency(global_cache),
    }
    if events is not None:
        found["stream"] = events.dependency()
    return found


def platform_of(connection: HTTPConnection) -> Platform:
    platform: Platform = connection.app.state.platform
    return platform


CurrentPlatform = Annotated[Platform, Depends(platform_of)]
