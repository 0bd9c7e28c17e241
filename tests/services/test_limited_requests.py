"""Limits as callers meet them: on every route, with the standard's fields, without a cache too."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from cache_servers import CachePair
from fastapi import FastAPI, WebSocket
from gateway_task import SERVICES, Environment, client_of, gateway_app, task_environment
from richesreach.core.auth.callers import current_identity
from richesreach.core.auth.identity import Identity
from richesreach.core.settings import Settings
from starlette.types import Message

PATH = "/api/status/config"
FIELDS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-policy")


@pytest.fixture
def limited(own_caches: CachePair) -> Environment:
    """Three requests an hour."""
    return {**task_environment(None, own_caches), "RATE_LIMIT_TIERS": "anonymous=3/3600,key=5/3600"}


@pytest.fixture
async def client(limited: Environment) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(gateway_app(limited)) as opened:
        yield opened


def viewer(address: str) -> dict[str, str]:
    return {"x-forwarded-for": f"{address}, 192.0.2.10"}


async def test_the_limits_are_those_of_the_requirements() -> None:
    tiers = Settings.from_environment(task_environment(None, None)).rate_limit_tiers
    assert {tier.name: (tier.quota, tier.seconds, tier.burst) for tier in tiers.values()} == {
        "anonymous": (60, 60, 60),
        "key": (200, 60, 200),
        "neighbour": (600_000, 60, 600_000),
    }


async def test_every_answer_tells_what_is_left(client: httpx.AsyncClient) -> None:
    answers = [await client.get(PATH), await client.get("/nowhere")]
    assert [[answer.headers[field] for field in FIELDS] for answer in answers] == [
        ["3", "2", '"anonymous";q=3;w=3600'],
        ["3", "1", '"anonymous";q=3;w=3600'],
    ]
    assert answers[0].headers["ratelimit"].startswith('"anonymous";r=2;t=')
    assert answers[0].headers["ratelimit"].endswith(answers[0].headers["ratelimit-reset"])


async def test_what_is_left_is_told_exactly_whether_the_cache_was_asked_before_or_after(
    own_caches: CachePair,
) -> None:
    environment = {**task_environment(None, own_caches), "RATE_LIMIT_TIERS": "anonymous=60/86400,key=5/3600"}
    async with client_of(gateway_app(environment)) as client:
        answers = [await client.get(PATH) for _ in range(61)]
    assert [int(answer.headers["ratelimit-remaining"]) for answer in answers] == [*range(59, -1, -1), 0]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429]


async def test_an_answer_that_the_edge_keeps_tells_no_caller_s_limit(client: httpx.AsyncClient) -> None:
    manifest = (SERVICES / "richesreach" / "gateway" / "service.yaml").read_text()
    paths = re.findall(r"path: (\S+), ttl:", manifest)
    assert paths
    for path in paths:
        answer = await client.get(path)
        assert (answer.status_code, "public" in answer.headers["cache-control"]) == (200, True)
        assert [name for name in answer.headers if name.startswith("ratelimit")] == []


async def test_beyond_the_limit_is_429_that_says_when_to_come_back(client: httpx.AsyncClient) -> None:
    *admitted, refused = [await client.get(PATH) for _ in range(4)]
    assert [answer.status_code for answer in admitted] == [200, 200, 200]
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:richesreach:problem:rate-limited"
    assert 0 < int(refused.headers["retry-after"]) <= 1200
    assert refused.headers["x-request-id"]


async def test_another_viewer_has_an_allowance_of_its_own(client: httpx.AsyncClient) -> None:
    one = [(await client.get(PATH, headers=viewer("203.0.113.7"))).status_code for _ in range(4)]
    other = (await client.get(PATH, headers=viewer("203.0.113.8"))).status_code
    assert (one[-1], other) == (429, 200)


async def test_probes_and_scrapers_are_free(client: httpx.AsyncClient) -> None:
    for path in ("/health", "/health/detailed/", "/metrics/"):
        answers = [await client.get(path) for _ in range(5)]
        assert 429 not in {answer.status_code for answer in answers}
        assert "ratelimit" not in answers[0].headers


async def test_tasks_of_a_region_count_together(limited: Environment, client: httpx.AsyncClient) -> None:
    async with client_of(gateway_app(limited)) as second:
        answers = [(await task.get(PATH)).status_code for task in (client, second, client, second)]
    assert answers == [200, 200, 200, 429]


async def test_refusals_are_counted(client: httpx.AsyncClient) -> None:
    for _ in range(5):
        await client.get(PATH)
    text = (await client.get("/metrics/")).text
    assert 'richesreach_rate_limited_total{tier="anonymous"} 2.0' in text
    assert 'richesreach_api_errors_total{endpoint="unmatched",method="GET",status="429"} 2.0' in text


async def test_without_a_cache_limits_still_hold(limited: Environment, own_caches: CachePair) -> None:
    own_caches.primary.stop()
    own_caches.replica.stop()
    async with client_of(gateway_app(limited)) as client:
        answers = [(await client.get(PATH)).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]


async def test_limits_can_be_left_to_something_else(limited: Environment) -> None:
    async with client_of(gateway_app({**limited, "RATE_LIMITING": "false"})) as client:
        answers = [await client.get(PATH) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].json()["features"]["rate_limiting"] is False


async def feed(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


async def handshake(app: FastAPI, *, extensions: dict[str, object]) -> list[Message]:
    """What the application sends to a client that opens `/feed`."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/feed", "headers": [], "query_string": b"", "subprotocols": []}
    await app({**scope, "client": ("127.0.0.1", 1), "extensions": extensions}, receive, send)
    return sent


async def test_a_websocket_beyond_the_limit_is_not_opened(limited: Environment) -> None:
    app = gateway_app(limited)
    app.add_api_websocket_route("/feed", feed)
    async with client_of(app):
        opened = [(await handshake(app, extensions={}))[0]["type"] for _ in range(3)]
        refused = await handshake(app, extensions={})
        answered = await handshake(app, extensions={"websocket.http.response": {}})
    assert opened == ["websocket.accept"] * 3
    assert refused == [{"type": "websocket.close", "code": 1013}]
    assert (answered[0]["type"], answered[0]["status"]) == ("websocket.http.response.start", 429)


async def test_the_status_of_limits_is_the_caller_s_own(client: httpx.AsyncClient) -> None:
    body = (await client.get("/api/status/rate-limit", headers=viewer("203.0.113.9"))).json()
    assert body.pop("reset_seconds") > 0
    assert body.pop("tiers").keys() == {"anonymous", "key"}
    assert body == {
        "enabled": True,
        "counted": "region",
        "tier": "anonymous",
        "limit": 3,
        "window_seconds": 3600,
        "burst": 3,
        "remaining": 2,
    }


async def test_the_status_of_the_cache_tells_where_it_is_and_what_it_found(client: httpx.AsyncClient) -> None:
    body = (await client.get("/api/status/cache")).json()
    assert body["status"] == "healthy"
    assert [node["role"] for node in body["nodes"]] == ["primary", "replica"]
    assert body["ttl_seconds"]["prices"] == 60
    assert (body["hit_ratio"], body["process"]["entries"]) == (0, 0)


def known_as(environment: Environment, role: str) -> FastAPI:
    """A gateway at which everybody has this role."""
    app = gateway_app(environment)

    async def caller() -> Identity:
        return Identity.with_roles("user-1", frozenset({role}), "user")

    app.dependency_overrides[current_identity] = caller
    return app


async def test_nobody_clears_the_cache_unknown(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/status/cache/clear")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="richesreach"')


async def test_a_caller_without_the_role_clears_nothing(limited: Environment) -> None:
    async with client_of(known_as(limited, "trader")) as client:
        assert (await client.post("/api/status/cache/clear")).status_code == 403


async def test_clearing_drops_the_named_kinds_and_no_limits(
    limited: Environment, own_caches: CachePair
) -> None:
    own_caches.primary.command("SET", "prices:AAPL", "1")
    own_caches.primary.command("SET", "metrics:AAPL:1d", "1")
    async with client_of(known_as(limited, "admin")) as client:
        answer = await client.post("/api/status/cache/clear", json={"kinds": ["prices"]})
        assert answer.json() == {"kinds": ["prices"], "everywhere": True, "region": "eu-west-1"}
        left = own_caches.primary.command("KEYS", "*")
        assert "prices:AAPL" not in left
        assert "metrics:AAPL:1d" in left
        assert "limit:" in left
        assert "metrics" in (await client.post("/api/status/cache/clear")).json()["kinds"]


async def test_an_unknown_kind_is_refused(limited: Environment) -> None:
    async with client_of(known_as(limited, "admin")) as client:
        answer = await client.post("/api/status/cache/clear", json={"kinds": ["sessions"]})
    assert answer.status_code == 422
