"""A features task in this process, its clients, and vectors written as the stream's operator does."""

import itertools
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import numpy as np
from gateway_task import Environment, client_of, task_environment
from postgres_servers import PostgresCluster
from richesreach.core.cache import Nodes
from richesreach.core.contracts.features.v1 import features_pb2
from richesreach.core.database import Database
from richesreach.core.migration import migrate
from richesreach.core.platform import Platform
from richesreach.core.rpc.neighbour import RpcNeighbour
from richesreach.core.settings import Settings
from richesreach.core.vectors import ONLINE, Layout
from richesreach.features.app import create_app
from richesreach.features.migrate import MIGRATIONS
from richesreach.features.offline import OfflineStore
from richesreach.features.online import OnlineFeatures
from richesreach.features.pushed import PushedVectors
from richesreach.features.service import Features
from richesreach.features.watching import Watch
from richesreach.gateway.migrate import MIGRATIONS as OF_GATEWAY
from token_issuer import Issuer

SECOND = 1_000_000_000
_numbers = itertools.count(1)


def symbol() -> str:
    """One that no test used before."""
    return f"T{next(_numbers)}.X"


@dataclass
class FeaturesTask:
    http: httpx.AsyncClient
    rpc: RpcNeighbour
    platform: Platform
    issuer: Issuer
    offline: OfflineStore
    pushed: PushedVectors
    watch: Watch
    features: Features

    @property
    def online(self) -> OnlineFeatures:
        return self.features.online

    @property
    def servers(self) -> Nodes:
        return self.platform.cache.servers

    def bearer(self, *roles: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.issuer.token(*roles)}"}

    def service(self) -> dict[str, str]:
        return {"authorization": f"Bearer {service_token(self.issuer)}"}

    async def write(self, name: str, at: int | None = None, **values: float) -> int:
        """The stream's vector of a symbol, NaN but for `values`; its event time, which is now by default."""
        at = at or time.time_ns()
        await write(self.servers, ONLINE, {name: (at, row(ONLINE, values))})
        return at


def row(layout: Layout, values: Mapping[str, float]) -> Sequence[float]:
    return [values.get(name, float("nan")) for name in layout.names]


async def write(servers: Nodes, layout: Layout, vectors: Mapping[str, tuple[int, Sequence[float]]]) -> None:
    """One MSET of vectors by entity: event time and values."""
    times = np.array([at for at, _ in vectors.values()], np.int64)
    packed = layout.encode(times, times * 0 + 7, np.array([values for _, values in vectors.values()]))
    words = [word for entity, raw in zip(vectors, packed, strict=True) for word in (layout.key(entity), raw)]
    await servers.write_value(lambda wire: wire.call("MSET", *words))


async def make_tables(cluster: PostgresCluster) -> None:
    writer = Database(Settings.from_environment(task_environment(cluster, None))).writer
    await migrate(writer, OF_GATEWAY, "gateway_migrations")
    await migrate(writer, MIGRATIONS, "features_migrations")


def service_token(issuer: Issuer) -> str:
    return issuer.token(username=None, client_id="service-client", scope="richesreach/service")


@asynccontextmanager
async def running(told: Environment, issuer: Issuer) -> AsyncIterator[FeaturesTask]:
    app = create_app(Settings.from_environment(told))
    platform: Platform = app.state.platform

    async def credential() -> str:
        return f"Bearer {service_token(issuer)}"

    rpc = RpcNeighbour(
        "features",
        f"{told['BIND_ADDRESS']}:{told['RPC_PORT']}",
        features_pb2,
        metrics=platform.metrics,
        tracing=platform.tracing,
        credential=credential,
    )
    # Of their own: others have used up what callers without a name have here.
    async with client_of(app, "198.18.0.1") as http:
        yield FeaturesTask(
            http,
            rpc,
            platform,
            issuer,
            app.state.offline,
            app.state.pushed,
            app.state.watch,
            app.state.features,
        )
        await rpc.close()
