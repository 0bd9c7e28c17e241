"""Wiring of the stream service."""

import contextlib
import os
import socket
from collections.abc import AsyncIterator

from fastapi import APIRouter, FastAPI, Request

from richesreach.core import health
from richesreach.core.app import Platform, build_app
from richesreach.core.events.accounting import Teller
from richesreach.core.events.connection import connection
from richesreach.core.settings import Settings, SettingsError
from richesreach.stream.metrics import StreamMetrics
from richesreach.stream.operator import Operator
from richesreach.stream.settings import StreamSettings
from richesreach.stream.snapshot_store import Lake, LakeSnapshots, SnapshotStore
from richesreach.stream.status import PartitionStatus, status_of

router = APIRouter(tags=["operator"])


def create_app(settings: Settings, store: SnapshotStore | None = None) -> FastAPI:
    """Raises SettingsError where the environment has no stream, or is wrong."""
    own = StreamSettings.from_environment(os.environ)
    app = build_app(
        settings, title="RichesReach stream", openapi_path="/stream/openapi.json", routers=[router]
    )
    platform: Platform = app.state.platform
    events = platform.events
    if events is None:
        raise SettingsError(["KAFKA_BOOTSTRAP_SERVERS is missing: the operator has nothing to read"])
    operator = Operator(
        connection(events.address, client=settings.service_name, region=settings.region),
        store or LakeSnapshots(Lake.of(settings), settings.region),
        platform.cache.servers,
        own,
        member=f"{socket.gethostname()}-{os.getpid()}",
        metrics=StreamMetrics(platform.metrics.registry),
        events=events.metrics,
    )
    app.state.operator = operator
    platform.dependencies["operator"] = _dependency(operator)
    _live_with(app, operator, platform)
    return app


@router.get("/stream/partitions")
async def partitions(request: Request) -> list[PartitionStatus]:
    """The partitions of the process that answers, and how far each is."""
    operator: Operator = request.app.state.operator
    return [status_of(held) for _, held in sorted(operator.held.items())]


def _dependency(operator: Operator) -> health.Dependency:
    """Degraded while it begins anew; never down: another task would find the same brokers and lake."""

    async def check() -> health.Report:
        if operator.trouble is not None:
            return {"status": "degraded", "error": operator.trouble}
        return {"status": "healthy", "partitions": len(operator.held)}

    return health.Dependency(check, critical=False)


def _live_with(app: FastAPI, operator: Operator, platform: Platform) -> None:
    """Opens after the platform's own clients, and ends before them."""
    within = app.router.lifespan_context
    teller = Teller(platform.cache.servers, operator.accounts)

    @contextlib.asynccontextmanager
    async def lifespan(inner: FastAPI) -> AsyncIterator[None]:
        async with within(inner):
            operator.open()
            teller.open()
            yield
            await operator.close()
            await teller.close()

    app.router.lifespan_context = lifespan
