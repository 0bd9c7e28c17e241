"""A service under pressure: requests that nobody waits for, too many of them, and the end of the task."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
from cache_clock import Clock
from fastapi import APIRouter, FastAPI
from gateway_task import client_of, task_environment
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.app import build_app
from richesreach.core.request_headers import Given, given_to
from richesreach.core.resilience import deadline
from richesreach.core.resilience.drain import QUIET, SHORTEST, Drain
from richesreach.core.resilience.errors import (
    BulkheadFullError,
    CircuitOpenError,
    DeadlineExceededError,
    NeighbourError,
    NeighbourUnavailableError,
)
from richesreach.core.resilience.shedding import ALL, BEGIN, FEW, LoopLag, Shedding
from richesreach.core.settings import Settings
from starlette.responses import StreamingResponse

TROUBLES = {
    "circuit": (CircuitOpenError("prices", 1.2), 503, "dependency-unavailable", "2"),
    "bulkhead": (BulkheadFullError("reports: 3 of 3"), 503, "overloaded", "1"),
    "deadline": (DeadlineExceededError("the deadline has passed"), 504, "deadline-exceeded", None),
    "gone": (NeighbourUnavailableError("prices answered 503"), 503, "dependency-unavailable", "2"),
    "broken": (NeighbourError("prices answered 500"), 502, "dependency-failed", None),
    "slow": (TimeoutError(), 504, "dependency-slow", None),
}


def given_headers(headers: dict[str, str]) -> Given:
    return given_to((name.encode(), value.encode("latin-1")) for name, value in headers.items())


def router() -> APIRouter:
    routes = APIRouter()

    @routes.get("/never")
    async def never() -> None:
        await asyncio.Event().wait()

    @routes.get("/mistaken")
    async def mistaken() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise ConnectionError("the connection broke") from error

    @routes.get("/left")
    async def left() -> float | None:
        return deadline.remaining()

    @routes.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first "
            await asyncio.sleep(0.2)
            yield b"last"

        return StreamingResponse(parts())

    @routes.get("/trouble/{kind}")
    async def trouble(kind: str) -> None:
        raise TROUBLES[kind][0]

    return routes


@pytest.fixture
def app() -> FastAPI:
    settings = Settings.from_environment(task_environment(None, None))
    return build_app(settings, title="test", openapi_path="/openapi.json", routers=[router()])


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as opened:
        yield opened


async def test_a_request_ends_when_its_caller_stops_waiting(client: httpx.AsyncClient) -> None:
    answer = await client.get("/never", headers={deadline.HEADER: "30"})
    assert answer.status_code == 504
    assert answer.json()["type"] == "urn:richesreach:problem:deadline-exceeded"
    assert answer.headers["x-request-id"]


async def test_the_end_of_the_time_is_no_error_of_the_route(client: httpx.AsyncClient) -> None:
    answer = await client.get("/mistaken", headers={deadline.HEADER: "30"})
    assert answer.status_code == 504
    assert answer.json()["type"] == "urn:richesreach:problem:deadline-exceeded"


def test_a_viewer_cannot_ask_for_less_time_than_an_answer_takes() -> None:
    headers = {deadline.HEADER: "1", "x-forwarded-for": "203.0.113.7, 192.0.2.10"}
    assert deadline.given(given_headers(headers)) == deadline.LEAST_OF_VIEWERS


async def test_a_route_sees_how_long_its_caller_waits(client: httpx.AsyncClient) -> None:
    left = (await client.get("/left", headers={deadline.HEADER: "5000"})).json()
    assert 0 < left <= 5


async def test_an_answer_that_has_begun_may_go_on(client: httpx.AsyncClient) -> None:
    answer = await client.get("/stream", headers={deadline.HEADER: "100"})
    assert (answer.status_code, answer.text) == (200, "first last")


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n")))
def test_whatever_a_caller_writes_the_deadline_is_a_sensible_one(value: str) -> None:
    seconds = deadline.given(given_headers({deadline.HEADER: value}))
    assert 0.001 <= seconds <= deadline.LONGEST


@pytest.mark.parametrize("kind", TROUBLES)
async def test_trouble_with_a_dependency_is_a_problem_that_says_when_to_come_back(
    client: httpx.AsyncClient, kind: str
) -> None:
    _, status, slug, retry_after = TROUBLES[kind]
    answer = await client.get(f"/trouble/{kind}")
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:richesreach:problem:{slug}")
    assert answer.headers.get("retry-after") == retry_after


@pytest.mark.parametrize(
    ("late", "chance", "refused"),
    [
        (BEGIN, 0.0, False),
        (ALL, 0.999, True),
        ((BEGIN + ALL) / 2, 0.49, True),
        ((BEGIN + ALL) / 2, 0.51, False),
    ],
)
def test_the_later_the_loop_the_more_is_refused(late: float, chance: float, refused: bool) -> None:
    lag, shed = LoopLag(), Counter[str]()
    lag.seconds = late
    shedding = Shedding(lag, shed, chance=lambda: chance)
    shedding.active = FEW + 1
    assert shedding.refuses() is refused
    assert shed["lag"] == refused


def test_a_task_with_little_to_do_refuses_nothing_however_late_it_is() -> None:
    lag = LoopLag()
    lag.seconds = 60
    shedding = Shedding(lag, Counter(), chance=lambda: 0.0)
    shedding.active = FEW
    assert not shedding.refuses()


async def test_what_is_refused_for_load_is_a_problem_and_probes_pass(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    app.state.shedding.active = FEW
    app.state.shedding.refuses = lambda: True
    answer, probe = await client.get("/left"), await client.get("/health")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"] == "urn:richesreach:problem:overloaded"
    assert (probe.status_code, app.state.shedding.active) == (200, FEW)


@given(st.lists(st.floats(-1, 60), max_size=30))
def test_the_share_that_is_refused_is_a_share(measured: list[float]) -> None:
    lag = LoopLag()
    for late in measured:
        lag.note(late)
        assert 0 <= lag.share <= 1


async def test_a_blocked_loop_is_noticed() -> None:
    clock = Clock()
    lag = LoopLag(clock)
    lag.open()
    async with asyncio.timeout(20):
        while not lag.seconds:
            clock.now += 0.2  # as after work that kept the loop for so long
            await asyncio.sleep(0.01)
    await lag.close()
    assert lag.seconds > 0


def test_a_drain_is_over_when_nobody_asks_any_more_or_its_time_is_up() -> None:
    clock = Clock()
    drain = Drain(longest=SHORTEST + 5, clock=clock)
    clock.now += 100
    assert (drain.draining, drain.over) == (False, False)
    drain.begin()
    clock.now += SHORTEST
    drain.asked()
    clock.now += 0.9 * QUIET
    drain.asked()
    clock.now += 0.9 * QUIET
    assert not drain.over
    clock.now += 0.2 * QUIET
    assert drain.over
    for _ in range(6):
        drain.asked()
        clock.now += 0.9 * QUIET
    assert drain.over


def test_a_pause_right_after_the_drain_began_does_not_end_it() -> None:
    clock = Clock()
    drain = Drain(longest=SHORTEST + 5, clock=clock)
    drain.begin()
    clock.now += SHORTEST - 0.1
    assert not drain.over
    clock.now += 0.2
    assert drain.over


async def test_a_draining_service_answers_and_sends_callers_elsewhere(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    assert "connection" not in (await client.get("/left")).headers
    app.state.drain.begin()
    answer, health = await client.get("/left"), await client.get("/health")
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    assert health.status_code == 503
