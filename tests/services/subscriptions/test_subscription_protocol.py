"""What clients of subscriptions may say, and what becomes of those who say something else."""

import json
from typing import Any

import pytest
from asking import somebody
from fastapi import FastAPI
from richesreach.gateway.graphql import session
from stream_client import tick
from talking import PRICES, Connect, listening, publish
from token_issuer import Issuer
from websockets.typing import Subprotocol


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
