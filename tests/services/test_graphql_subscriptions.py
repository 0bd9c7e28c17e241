"""Subscriptions over graphql-transport-ws, from a real broker to real clients of a really running gateway."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import token_issuer
import uvicorn
from asking import UNLIMITED, somebody
from fastapi import FastAPI
from gateway_task import Environment, gateway_app
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport
from loopback import own_address
from postgres_servers import PostgresCluster
from richesreach.core.events import schemas
from richesreach.core.events.topics import MARKET_TICKS, ML_PREDICTIONS
from richesreach.core.server import serving
from richesreach.gateway.graphql import channels, session, sockets
from stream_client import eventually, packed, tick
from stream_servers import Broker, broker
from token_issuer import Issuer
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PRICES = 'subscription { priceUpdate(symbol: "AAPL") { symbol price timestamp volume } }'
PROTOCOL = Subprotocol("graphql-transport-ws")
Connect = Callable[..., AbstractAsyncContextManager["Talk"]]


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


class Talk:
    """A client that says exactly what the test says."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, type_: str, **more: Any) -> None:
        await self.socket.send(json.dumps({"type": type_, **more}))

    async def hear(self) -> Any:
        """The next message that is no ping."""
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), 30))
            if message["type"] != "ping":
                return message

    async def begin(self, **payload: Any) -> None:
        await self.say("connection_init", payload=payload)
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, query: str, name: str = "1", **more: Any) -> None:
        await self.say("subscribe", id=name, payload={"query": query, **more})

    async def closed(self) -> int | None:
        """The code with which the service closed."""
        with contextlib.suppress(ConnectionClosed):
            async for _ in self.socket:
                pass
        return self.socket.close_code


@pytest.fixture
def talk(app: FastAPI) -> Connect:
    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[Talk]:
        told = {"subprotocols": [PROTOCOL], **options}
        async with connect(f"{app.state.url}/graphql", **told) as socket:
            yield Talk(socket)

    return opened


async def listening(app: FastAPI, feed: str = "ticks") -> None:
    """Until what is published from now on reaches the subscribers."""
    found = getattr(app.state.graphql.executor._feeds, feed)
    await eventually(found._ready.is_set, f"the feed of {feed} is ready")


async def publish(app: FastAPI, *ticks: schemas.Tick) -> None:
    for each in ticks:
        await app.state.platform.events.publish(MARKET_TICKS, each.symbol, each)


def advice(symbol: str) -> schemas.Signal:
    return schemas.Signal(
        id="sig-1",
        symbol=symbol,
        engine="trend",
        version="1",
        action="buy",
        confidence=0.75,
        horizon="1h",
        time=1_700_000_000_000_000_000,
        price=Decimal(1),
    )


async def test_a_client_library_follows_prices(app: FastAPI) -> None:
    transport = WebsocketsTransport(url=f"{app.state.url}/graphql", subprotocols=[PROTOCOL])
    async with Client(transport=transport) as client:
        updates = client.subscribe(gql(PRICES))
        first = asyncio.ensure_future(anext(updates))
        await listening(app)
        await publish(app, tick(1, "MSFT"), tick(2))
        found = (await asyncio.wait_for(first, 30))["priceUpdate"]
        await updates.aclose()
    assert (found["symbol"], found["price"], found["volume"]) == ("AAPL", 187.25, 100.0)
    assert found["timestamp"].startswith("2023-11-14T22:13:20")


async def test_a_packed_tick_is_told_as_one_that_comes_alone(app: FastAPI, talk: Connect) -> None:
    events = app.state.platform.events
    async with talk() as client:
        await client.begin()
        await client.subscribe(PRICES)
        await listening(app)
        await events.publish(MARKET_TICKS, "0", packed(1, 2, symbol="MSFT"))
        await events.publish(MARKET_TICKS, "0", packed(7))
        await publish(app, tick(7))
        one, other = await client.hear(), await client.hear()
    assert one == other
    assert one["payload"]["data"]["priceUpdate"]["price"] == 187.25


async def test_a_client_library_follows_signals(app: FastAPI) -> None:
    query = """subscription { signalUpdate(symbol: "AAPL") {
        id direction confidence engine symbol { name currentPrice } } }"""
    transport = WebsocketsTransport(url=f"{app.state.url}/graphql", subprotocols=[PROTOCOL])
    async with Client(transport=transport) as client:
        updates = client.subscribe(gql(query))
        first = asyncio.ensure_future(anext(updates))
        await listening(app, "signals")
        await app.state.platform.events.publish(ML_PREDICTIONS, "AAPL", advice("AAPL"))
        found = (await asyncio.wait_for(first, 30))["signalUpdate"]
        await updates.aclose()
    assert (found["id"], found["direction"], found["confidence"]) == ("sig-1", "BUY", 0.75)
    assert found["symbol"]["currentPrice"] > 0


async def test_each_result_holds_what_is_true_when_it_is_sent(
    app: FastAPI, talk: Connect, database: PostgresCluster
) -> None:
    query = 'subscription { signalUpdate(symbol: "GOOGL") { symbol { currentPrice } } }'
    market, found = app.state.domain.market, []
    (before,) = await market.prices(["GOOGL"])
    async with talk() as client:
        await client.begin()
        await client.subscribe(query)
        await listening(app, "signals")
        for number in (1, 2):
            await market.record_prices([replace(before, price=before.price + number)])
            await asyncio.to_thread(database.replicated)
            await app.state.platform.cache.invalidate(tags=["symbol:GOOGL"])
            await app.state.platform.events.publish(ML_PREDICTIONS, "GOOGL", advice("GOOGL"))
            message = await client.hear()
            found.append(message["payload"]["data"]["signalUpdate"]["symbol"]["currentPrice"])
    assert found[1] == found[0] + 1


async def test_clients_of_one_subscription_share_its_work(app: FastAPI, talk: Connect) -> None:
    async with talk() as one, talk() as other:
        for each in (one, other):
            await each.begin()
            await each.subscribe(PRICES)
        await listening(app)
        endpoint = app.state.graphql
        gauge = endpoint.executor.metrics.subscriptions.labels("priceUpdate")
        await eventually(lambda: gauge._value.get() == 2, "both have subscribed")
        assert sum(task.get_name() == "subscription" for task in asyncio.all_tasks()) == 1
        await publish(app, tick(7))
        assert await one.hear() == await other.hear()


async def test_a_subscription_ends_when_its_client_says_so(app: FastAPI, talk: Connect) -> None:
    async with talk() as client:
        await client.begin()
        await client.subscribe(PRICES)
        await listening(app)
        await client.say("complete", id="1")
        feed = app.state.graphql.executor._feeds.ticks
        await eventually(lambda: feed._task is None, "nobody listens any more")
        await client.subscribe(PRICES)  # its id is free again
        await listening(app)
        await publish(app, tick(3))
        assert (await client.hear())["payload"]["data"]["priceUpdate"]["symbol"] == "AAPL"


async def test_a_client_that_is_gone_leaves_nothing_behind(app: FastAPI, talk: Connect) -> None:
    async with talk() as client:
        await client.begin()
        await client.subscribe(PRICES)
        await listening(app)
    feed = app.state.graphql.executor._feeds.ticks
    await eventually(lambda: feed._task is None, "nobody listens any more")
    await eventually(
        lambda: app.state.graphql.executor.metrics.connections._value.get() == 0, "no connection is counted"
    )


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("not json", 4400),
        ("[]", 4400),
        ('"text"', 4400),
        ('{"type": 5}', 4400),
        ('{"type": "unknown"}', 4400),
        ('{"type": "connection_init", "payload": []}', 4400),
        ('{"type": "connection_init", "payload": {"authorization": 5}}', 4400),
        ('{"type": "connection_init", "payload": {"Authorization": "Bearer forged"}}', 4403),
        ('{"type": "connection_init", "payload": {"authorization": "Bearer rr_unknown"}}', 4403),
        ('{"type": "subscribe", "id": "1", "payload": {"query": "{ x }"}}', 4401),
        ("[" * 30_000, 4400),
        (b"\x00\x01", 4400),
        ("x" * 70_000, 1009),
    ],
)
async def test_what_is_not_the_protocol_ends_the_connection(
    talk: Connect, said: str | bytes, code: int
) -> None:
    async with talk() as client:
        await client.socket.send(said)
        assert await client.closed() == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "connection_init"}, 4429),
        ({"type": "subscribe", "payload": {"query": PRICES}}, 4400),
        ({"type": "subscribe", "id": "", "payload": {"query": PRICES}}, 4400),
        ({"type": "subscribe", "id": "x" * 200, "payload": {"query": PRICES}}, 4400),
        ({"type": "subscribe", "id": "1"}, 4400),
        ({"type": "subscribe", "id": "1", "payload": {"query": 5}}, 4400),
    ],
)
async def test_a_wrong_message_ends_the_connection(talk: Connect, message: dict[str, Any], code: int) -> None:
    async with talk() as client:
        await client.begin()
        await client.socket.send(json.dumps(message))
        assert await client.closed() == code


async def test_an_id_in_use_ends_the_connection(talk: Connect) -> None:
    async with talk() as client:
        await client.begin()
        await client.subscribe(PRICES)
        await client.subscribe(PRICES)
        assert await client.closed() == 4409


async def test_a_connection_that_says_nothing_is_closed(
    talk: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "INIT_WAIT", 0.05)
    async with talk() as client:
        assert await client.closed() == 4408


async def test_another_protocol_is_not_spoken(talk: Connect) -> None:
    async with talk(subprotocols=[Subprotocol("graphql-ws")]) as client:
        assert await client.closed() == 4406


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ engines { id } }", "NOT_A_SUBSCRIPTION"),
        ('mutation { deleteAlert(id: "x") }', "NOT_A_SUBSCRIPTION"),
        ('subscription { priceUpdate(symbol: "NOSUCH") { price } }', "NOT_FOUND"),
        ("subscription ($s: String!) { priceUpdate(symbol: $s) { price } }", "BAD_USER_INPUT"),
        (PRICES + " #" + "x" * 20_000, "DOCUMENT_TOO_LARGE"),
    ],
)
async def test_a_subscription_that_cannot_be_says_why_and_leaves_the_others(
    app: FastAPI, talk: Connect, query: str, code: str
) -> None:
    async with talk() as client:
        await client.begin()
        await client.subscribe(query, "bad")
        answer = await client.hear()
        assert (answer["id"], answer["type"]) == ("bad", "error")
        assert answer["payload"][0]["extensions"]["code"] == code
        await client.subscribe(PRICES, "good")
        await listening(app)
        await publish(app, tick(1))
        assert (await client.hear())["id"] == "good"


async def test_a_connection_has_so_many_subscriptions_and_no_more(
    talk: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MAX_SUBSCRIPTIONS", 2)
    async with talk() as client:
        await client.begin()
        for name in ("1", "2", "3"):
            await client.subscribe(PRICES, name)
        answer = await client.hear()
    assert (answer["id"], answer["payload"][0]["extensions"]["code"]) == ("3", "TOO_MANY_SUBSCRIPTIONS")


async def test_a_token_in_the_first_message_is_believed(talk: Connect, issuer: Issuer) -> None:
    async with talk() as client:
        await client.begin(Authorization=f"Bearer {issuer.token('viewer', sub=somebody())}")


async def test_a_client_that_does_not_keep_up_is_dropped_and_the_others_are_not(
    app: FastAPI, talk: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "PATIENCE", 4)
    async with talk() as slow, talk() as quick:
        for each in (slow, quick):
            await each.begin()
            await each.subscribe(PRICES)
        await listening(app)
        gauge = app.state.graphql.executor.metrics.subscriptions.labels("priceUpdate")
        await eventually(lambda: gauge._value.get() == 2, "both have subscribed")
        (members,) = app.state.graphql_sockets.channels._members.values()
        # As if its connection took nothing: what waits for it is not taken either.
        stuck = next(iter(members))
        for _ in range(5):
            stuck.offer(b"{}")
        closed = asyncio.create_task(slow.closed()), asyncio.create_task(quick.closed())
        done, _ = await asyncio.wait(closed, return_when=asyncio.FIRST_COMPLETED, timeout=30)
        assert [task.result() for task in done] == [4410]
        await eventually(lambda: gauge._value.get() == 1, "the other follows on")
        for task in closed:
            task.cancel()


async def test_connections_end_when_the_service_leaves(app: FastAPI, talk: Connect) -> None:
    async with talk() as client:
        await client.begin()
        app.state.drain.begin()
        assert await client.closed() == 1001


async def test_a_silent_connection_is_pinged(
    app: FastAPI, talk: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "PING_INTERVAL", 0.0)
    async with talk() as client:
        await client.begin()
        assert json.loads(await asyncio.wait_for(client.socket.recv(), 30)) == {"type": "ping"}
        await client.say("pong")
        await client.say("ping")
        assert await client.hear() == {"type": "pong"}


async def test_without_a_stream_a_subscription_is_refused(environment: Environment) -> None:
    app = gateway_app({**UNLIMITED, **environment})
    assert app.state.platform.events is None
    async with app.router.lifespan_context(app):
        endpoint = app.state.graphql
        operation = endpoint.documents.operation(endpoint.documents.read(PRICES), None)

        async def nobody() -> None:
            return None

        context = endpoint.executor.context(operation, "r-1", nobody)
        member = app.state.graphql_sockets.channels.join("k", context, {})
        with pytest.raises(channels.RefusedError) as refused:
            await anext(member.results())
    assert refused.value.told[0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
