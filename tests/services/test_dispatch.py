"""Which handler a request finds: a direct one, or the framework's route without trying them all."""

import io
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter
from fastapi.routing import iter_route_contexts
from gateway_task import client_of, gateway_app, task_environment
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core import logs
from richesreach.core.app import Service, build_app
from richesreach.core.dispatch import DirectPaths, Routes
from richesreach.core.problems import Problem
from richesreach.core.settings import Settings
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Match, Mount
from starlette.types import Receive, Scope, Send


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(b"direct " + body)(scope, receive, send)


async def refuse(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise Problem(409, "taken", "Somebody was quicker.")


async def jam(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise RuntimeError("the gears jammed")


async def begin_and_jam(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise Problem(409, "taken", "Too late.")


DIRECT = {
    ("POST", "/direct"): echo,
    ("POST", "/shared"): echo,
    ("GET", "/refused"): refuse,
    ("GET", "/jammed"): jam,
    ("GET", "/halfway"): begin_and_jam,
}


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/shared")
    async def shared() -> str:
        return "routed"

    @router.get("/users/me")
    async def me() -> str:
        return "me"

    @router.get("/users/{name}")
    async def user(name: str) -> str:
        return f"user {name}"

    @router.delete("/users/{name}")
    async def remove(name: str) -> str:
        return f"removed {name}"

    @router.get("/users/{name}/at/{hour:float}")
    async def hour(name: str, hour: float) -> str:
        return f"{name} at {hour}"

    @router.get("/users/last")
    async def never() -> str:
        return "hidden by the template before it"

    inner = APIRouter(prefix="/inner")

    @inner.get("/{thing}")
    async def thing(thing: str) -> str:
        return f"thing {thing}"

    router.include_router(inner)
    return router


def service() -> Service:
    settings = Settings.from_environment(task_environment(None, None))
    return build_app(
        settings,
        title="test",
        openapi_path="/openapi.json",
        routers=[routes()],
        direct=lambda _platform: DIRECT,
    )


@pytest.fixture
def log() -> io.StringIO:
    stream = io.StringIO()
    logs.configure(service="gateway", region="eu-west-1", level="DEBUG", stream=stream)
    return stream


@pytest.fixture
async def client(log: io.StringIO) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(service()) as opened:
        yield opened


async def test_a_direct_path_is_answered_inside_the_passage(client: httpx.AsyncClient) -> None:
    answer = await client.post("/direct", content=b"hello", headers={"x-request-id": "abc"})
    assert (answer.status_code, answer.text) == (200, "direct hello")
    assert answer.headers["x-request-id"] == "abc"
    assert answer.headers["ratelimit-remaining"]


async def test_a_direct_path_is_counted_and_logged_by_its_template(
    client: httpx.AsyncClient, log: io.StringIO
) -> None:
    await client.post("/direct")
    (line,) = (found for found in map(json.loads, log.getvalue().splitlines()) if found["event"] == "request")
    assert line["endpoint"] == "/direct"
    counted = 'richesreach_requests_total{endpoint="/direct",method="POST",status="200"} 1.0'
    assert counted in (await client.get("/metrics/")).text


async def test_what_a_direct_handler_raises_is_a_problem(client: httpx.AsyncClient) -> None:
    answer = await client.get("/refused")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:richesreach:problem:taken")


async def test_a_direct_handler_that_fails_is_a_500_without_its_reason(client: httpx.AsyncClient) -> None:
    answer = await client.get("/jammed")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "gears" not in answer.text


async def test_an_answer_that_has_begun_is_not_begun_again(client: httpx.AsyncClient) -> None:
    with pytest.raises(Problem):
        await client.get("/halfway")


async def test_a_body_that_is_too_large_is_refused_to_a_direct_handler_too(client: httpx.AsyncClient) -> None:
    assert (await client.post("/direct", content=b"x" * 300_000)).status_code == 413


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
async def test_another_method_is_a_problem_that_lists_the_right_ones(
    client: httpx.AsyncClient, method: str
) -> None:
    answer = await client.request(method, "/direct")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_another_method_goes_to_a_route_of_the_same_path(client: httpx.AsyncClient) -> None:
    assert (await client.get("/shared")).json() == "routed"
    assert (await client.post("/shared", content=b"x")).text == "direct x"
    assert (await client.put("/shared")).headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("GET", "/users/me", "me"),
        ("GET", "/users/ada", "user ada"),
        ("GET", "/users/last", "user last"),
        ("DELETE", "/users/ada", "removed ada"),
        ("DELETE", "/users/me", "removed me"),
        ("GET", "/users/ada/at/9.5", "ada at 9.5"),
        ("GET", "/inner/one", "thing one"),
    ],
)
async def test_a_route_is_the_one_that_the_framework_would_take(
    client: httpx.AsyncClient, method: str, path: str, answer: str
) -> None:
    assert (await client.request(method, path)).json() == answer


async def test_a_route_of_an_included_router_is_counted_under_its_whole_template(
    client: httpx.AsyncClient,
) -> None:
    await client.get("/inner/one")
    assert 'endpoint="/inner/{thing}"' in (await client.get("/metrics/")).text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/users/", 404), ("POST", "/users/me", 405), ("HEAD", "/health", 405)],
)
async def test_what_no_route_takes_is_what_it_was(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    assert (await client.request(method, path)).status_code == status


async def test_the_health_is_answered_as_it_is_described(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health")).json() == {
        "status": "ok",
        "service": "gateway",
        "region": "eu-west-1",
        "version": "unknown",
    }
    assert "/health" in (await client.get("/openapi.json")).json()["paths"]


@pytest.mark.parametrize(
    "pair", [("GET", "/users/{name}"), ("get", "/users"), ("GET", "users"), ("POST", "/direct")]
)
def test_a_direct_route_that_cannot_be_is_refused(pair: tuple[str, str]) -> None:
    paths = DirectPaths()
    paths.add(DIRECT)
    with pytest.raises(ValueError, match=pair[1].split("{")[0]):
        paths.add({pair: echo})


def test_what_is_mounted_is_left_to_the_framework() -> None:
    app = service()
    known = Routes([Mount("/", echo), *app.router.routes])
    assert known.find({"type": "http", "method": "GET", "path": "/users/me", "headers": []}) is None


_GATEWAY = gateway_app(task_environment(None, None))
_KNOWN = Routes(_GATEWAY.router.routes)
_PARTS = sorted({part for route in _GATEWAY.openapi()["paths"] for part in route.split("/") if part})


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]),
    parts=st.lists(st.sampled_from([*_PARTS, "AAPL", ""]), max_size=5),
)
def test_the_gateways_routes_are_found_as_the_framework_finds_them(method: str, parts: list[str]) -> None:
    scope = {"type": "http", "method": method, "path": "/" + "/".join(parts), "root_path": "", "headers": []}
    matching = (each for each in iter_route_contexts(_GATEWAY.router.routes))
    wanted = next((each for each in matching if each.matches(dict(scope))[0] is Match.FULL), None)
    found = _KNOWN.find(dict(scope))
    assert (found and found.endpoint) is (wanted and wanted.endpoint)
