"""Fixtures of the subscriptions' tests: a really running gateway over a real broker."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import token_issuer
import uvicorn
from asking import UNLIMITED
from fastapi import FastAPI
from gateway_task import Environment, gateway_app
from loopback import own_address
from postgres_servers import PostgresCluster
from richesreach.core.events.topics import MARKET_TICKS, ML_PREDICTIONS
from richesreach.core.server import serving
from stream_client import eventually
from stream_servers import Broker, broker
from token_issuer import Issuer
from websockets.asyncio.client import connect

sys.path.insert(0, str(Path(__file__).parent))

from talking import PROTOCOL, Connect, Talk


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with token_issuer.issuer() as started:
        yield started


@pytest.fixture(scope="module")
def kafka() -> Iterator[Broker]:
    with broker() as found:
        found.create(MARKET_TICKS.name, ML_PREDICTIONS.name)
        yield found


@pytest.fixture
async def app(
    environment: Environment, database: PostgresCluster, kafka: Broker, issuer: Issuer
) -> AsyncIterator[FastAPI]:
    """A gateway that listens on its address."""
    database.replicated()
    stream = {"KAFKA_BOOTSTRAP_SERVERS": kafka.endpoint, "KAFKA_SECURITY": "plaintext"}
    host, port = own_address()
    told = {**UNLIMITED, **environment, **stream, **issuer.variables, "BIND_ADDRESS": host, "PORT": str(port)}
    app = gateway_app(told)
    server = uvicorn.Server(serving(app, app.state.platform.settings))
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started, "the gateway listens")
    app.state.url = f"ws://{host}:{port}"
    yield app
    server.should_exit = True
    await task


@pytest.fixture
def talk(app: FastAPI) -> Connect:
    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[Talk]:
        told = {"subprotocols": [PROTOCOL], **options}
        async with connect(f"{app.state.url}/graphql", **told) as socket:
            yield Talk(socket)

    return opened
