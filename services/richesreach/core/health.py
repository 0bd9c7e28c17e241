"""Health: `/health` says that the process serves; `/health/detailed` asks every dependency, all at once."""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from richesreach.core.cache import Cache, CacheNode
from richesreach.core.database import Connection, Database, Pool, describe

Status = Literal["healthy", "degraded", "down"]
Report = dict[str, Any]

# Seconds for one dependency; the whole report takes no longer, because they are asked concurrently.
CHECK_TIMEOUT = 4.0
# For one server of a dependency: shorter, so that a silent one is told apart from its neighbours that answer.
SERVER_TIMEOUT = 3.0
# For how long a report serves all who ask.
SHARED_SECONDS = 1.0
_SERVER = "select host(inet_server_addr()) as address, pg_is_in_recovery() as replica"


@dataclass(frozen=True, slots=True)
class Dependency:
    """`check` answers details with a `status`; an exception or a time-out means down.

    When a critical dependency is down the service is down; any other trouble leaves it degraded.
    """

    check: Callable[[], Awaitable[Report]]
    critical: bool


async def report(dependencies: Mapping[str, Dependency]) -> tuple[Status, dict[str, Report]]:
    """The status of the service and of each dependency by name."""
    results = await asyncio.gather(
        *(_measured(dependency.check, CHECK_TIMEOUT) for dependency in dependencies.values())
    )
    found = dict(zip(dependencies, results, strict=True))
    if any(found[name]["status"] == "down" and dependencies[name].critical for name in found):
        return "down", found
    if any(result["status"] != "healthy" for result in found.values()):
        return "degraded", found
    return "healthy", found


class SharedReport:
    """One report for all who ask within `seconds`: the dependencies are asked about once a second, however
    many ask and whoever they are.
    """

    def __init__(
        self,
        dependencies: Mapping[str, Dependency],
        *,
        seconds: float = SHARED_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dependencies = dependencies
        self._seconds = seconds
        self._clock = clock
        self._asking: asyncio.Task[tuple[Status, dict[str, Report]]] | None = None
        self._asked = 0.0

    async def get(self) -> tuple[Status, dict[str, Report]]:
        """As `report`, and at most so old, counted from when its asking began."""
        if self._asking is None or self._clock() - self._asked >= self._seconds:
            self._asked = self._clock()
            self._asking = asyncio.create_task(report(self._dependencies), name="health")
        # Shielded: a caller that leaves does not end it for the others.
        return await asyncio.shield(self._asking)


async def answer(dependency: Dependency) -> Report:
    """What one dependency says now."""
    return await _measured(dependency.check, CHECK_TIMEOUT)


async def _measured(check: Callable[[], Awaitable[Report]], timeout: float) -> Report:  # noqa: ASYNC109
    """The check's report after `status` and `latency_ms`; never raises but for cancellation."""
    started = time.perf_counter()
    try:
        found = await asyncio.wait_for(check(), timeout)
    except TimeoutError:
        found = {"status": "down", "error": f"no answer within {timeout:g} s"}
    except Exception as error:
        found = {"status": "down", "error": describe(error)}
    latency = round((time.perf_counter() - started) * 1000, 3)
    return {"status": found.pop("status"), "latency_ms": latency, **found}


def database_dependency(database: Database) -> Dependency:
    """Down when neither pool answers, degraded when one does not: reads go on without a writer."""

    async def ask(pool: Pool) -> Report:
        async def server(connection: Connection) -> Report:
            row = await connection.fetchrow(_SERVER)
            assert row is not None  # noqa: S101 (a select without from has one row)
            role = "reader" if row["replica"] else "writer"
            return {"status": "healthy", "address": row["address"], "role": role}

        return await pool.run(server)

    async def check() -> Report:
        writer, reader = await asyncio.gather(
            _measured(functools.partial(ask, database.writer), SERVER_TIMEOUT),
            _measured(functools.partial(ask, database.reader), SERVER_TIMEOUT),
        )
        return {"status": _joint([writer, reader]), "writer": writer, "reader": reader}

    return Dependency(check, critical=True)


def cache_dependency(cache: Cache) -> Dependency:
    """Down when no node answers; degraded when one does not, or none of them is a primary."""

    async def ask(node: CacheNode) -> Report:
        return {"status": "healthy", "role": await node.role()}

    async def check() -> Report:
        reports = await asyncio.gather(
            *(_measured(functools.partial(ask, node), SERVER_TIMEOUT) for node in cache.nodes)
        )
        status = _joint(list(reports))
        if status == "healthy" and all(found["role"] != "primary" for found in reports):
            status = "degraded"
        nodes = [
            {"address": str(node.endpoint), **found} for node, found in zip(cache.nodes, reports, strict=True)
        ]
        return {"status": status, "nodes": nodes}

    return Dependency(check, critical=False)


def _joint(reports: list[Report]) -> Status:
    healthy = [found["status"] == "healthy" for found in reports]
    if all(healthy):
        return "healthy"
    return "degraded" if any(healthy) else "down"
