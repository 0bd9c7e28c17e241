"""Subscriptions over graphql-transport-ws, from a real broker to real clients of a really running gateway."""

import asyncio
import json
from dataclasses import replace

import msgspec
import pytest
from asking import UNLIMITED
from fastapi import FastAPI
from gateway_task import Environment, gateway_app
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport
from postgres_servers import PostgresCluster
from richesreach.core.events.topics import MARKET_TICKS, ML_PREDICTIONS
from richesreach.gateway.graphql import channels, sockets
from richesreach.market_data.sources import generator
from stream_client import eventually, packed, tick
from talking import PRICES, PROTOCOL, Connect, advice, listening, publish


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
    assert one["payload"]["data"]["priceUpdate"]["source"] == "generator"
    assert one["payload"]["data"]["priceUpdate"]["price"] == 187.25


async def test_made_up_ticks_are_labelled(app: FastAPI, talk: Connect) -> None:
    async with talk() as client:
        await client.begin()
        await client.subscribe(PRICES)
        await listening(app)
        await publish(app, msgspec.structs.replace(tick(1), licence=generator.ABOUT.licence))
        assert (await client.hear())["payload"]["data"]["priceUpdate"]["source"] == "generated"


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
