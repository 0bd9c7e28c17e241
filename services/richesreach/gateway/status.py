"""What the gateway tells about itself: `/api/status/*`."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request, Response

from richesreach.core import health
from richesreach.core.access import requires
from richesreach.core.app import CurrentPlatform
from richesreach.core.cache.kinds import KINDS
from richesreach.gateway import schemas, service

status = APIRouter(prefix="/api/status", tags=["status"])


@status.get("/config")
async def configuration(platform: CurrentPlatform) -> schemas.Configuration:
    """What is switched on; names and counts, never a value."""
    integrations = service.integrations(platform.settings)
    return schemas.Configuration(
        environment=platform.settings.environment,
        features=service.features(platform.settings),
        api_integrations=schemas.Integrations(
            total_configured=sum(integrations.values()), total_available=len(integrations)
        ),
    )


@status.get("/services")
async def services(platform: CurrentPlatform, response: Response) -> schemas.ServicesStatus:
    """The dependencies as they answer now, and which providers have a key. Always 200: it is a report."""
    overall, found = await platform.health.get()
    response.headers["cache-control"] = "no-store"
    return schemas.ServicesStatus(
        status=overall,
        region=platform.settings.region,
        services=found,
        providers={
            name: "enabled" if configured else "disabled"
            for name, configured in service.integrations(platform.settings).items()
        },
    )


@status.get("/cache")
async def cache(platform: CurrentPlatform, response: Response) -> schemas.CacheStatus:
    """How the cache serves this process, and for how long it keeps what. Always 200: it is a report."""
    response.headers["cache-control"] = "no-store"
    found = await health.answer(platform.dependencies["cache"])
    store = platform.cache
    memory = store.local
    return schemas.CacheStatus(
        status=found["status"],
        nodes=found.get("nodes", []),
        hit_ratio=round(store.hit_ratio, 4),
        hits=store.counts.hits,
        misses=store.counts.misses,
        reads=service.reads_by_kind(store.counts),
        process=schemas.ProcessMemory(
            entries=len(memory) if memory is not None else 0,
            bytes=memory.bytes if memory is not None else 0,
            hears_invalidations=store.listening,
        ),
        ttl_seconds={kind.name: kind.ttl for kind in KINDS.values()},
    )


@status.post("/cache/clear", dependencies=[Depends(requires("admin", "service"))])
async def clear_cache(
    platform: CurrentPlatform, what: Annotated[schemas.ClearCache | None, Body()] = None
) -> schemas.ClearedCache:
    """Drop the named kinds of data, or all of them, here and in every process of the region."""
    kinds: list[str] = [*what.kinds] if what and what.kinds else sorted(KINDS)
    told = await platform.cache.invalidate(kinds=kinds)
    return schemas.ClearedCache(kinds=kinds, everywhere=told, region=platform.settings.region)


@status.get("/rate-limit")
async def rate_limit(
    platform: CurrentPlatform, request: Request, response: Response
) -> schemas.RateLimitStatus:
    """The caller's own limit and what is left of it."""
    response.headers["cache-control"] = "no-store"
    caller = await platform.callers.of(request.scope)
    left = await platform.limiter.check(caller.name, caller.tier, cost=0)
    return schemas.RateLimitStatus(
        enabled=platform.settings.rate_limiting,
        counted="region" if platform.limiter.shared else "process",
        tier=caller.tier.name,
        limit=caller.tier.quota,
        window_seconds=caller.tier.seconds,
        burst=caller.tier.burst,
        remaining=left.remaining,
        reset_seconds=round(left.reset / 1_000_000, 3),
        tiers={
            name: schemas.RateLimitTier(limit=tier.quota, window_seconds=tier.seconds, burst=tier.burst)
            for name, tier in platform.callers.tiers.items()
        },
    )
