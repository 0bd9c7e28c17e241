"""Traces and ids from the caller, through the service, to its neighbours and to a collector that runs."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from gateway_task import ServiceProcess, client_of, task_environment
from loopback import accepts, own_address, until
from otlp_receiver import Receiver, attributes_of, receiver
from richesreach.core import logs
from richesreach.core.app import CurrentPlatform, build_app
from richesreach.core.neighbours import Neighbour
from richesreach.core.resilience import deadline
from richesreach.core.resilience.breaker import State
from richesreach.core.resilience.bulkhead import Bulkhead
from richesreach.core.resilience.errors import (
    BulkheadFullError,
    DeadlineExceededError,
    NeighbourError,
    NeighbourUnavailableError,
)
from richesreach.core.settings import Settings
from richesreach.core.tracing import bind_user

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "x-request-id": "r-7"}


@pytest.fixture
def log() -> io.StringIO:
    stream = io.StringIO()
    logs.configure(service="gateway", region="eu-west-1", level="DEBUG", stream=stream)
    return stream


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiver() as started:
        yield started


@pytest.fixture
def echo() -> Iterator[str]:
    """The address of a neighbour that runs as a process of its own."""
    host, port = own_address()
    environment = {**task_environment(None, None), "BIND_ADDRESS": host, "PORT": str(port)}
    process = ServiceProcess("echo_service", {**environment, "RATE_LIMITING": "false"})
    try:
        until(lambda: accepts(host, port), "the neighbour listens")
        yield f"http://{host}:{port}"
    finally:
        process.kill()


def app_before(echo: str, **environment: str) -> FastAPI:
    """A service that asks its neighbour."""
    settings = Settings.from_environment({**task_environment(None, None), **environment})
    router = APIRouter()
    neighbours: list[Neighbour] = []

    def neighbour(platform: CurrentPlatform) -> Neighbour:
        if not neighbours:
            found = Neighbour("echo", echo, metrics=platform.metrics, tracing=platform.tracing, timeout=2)
            neighbours.append(found)
        return neighbours[0]

    @router.get("/ask/{status}")
    async def ask(status: int, platform: CurrentPlatform) -> dict[str, object]:
        answer = await neighbour(platform).call("GET", f"/status/{status}")
        return {"status": answer.status, "headers": answer.json()}

    @router.get("/close")
    async def close(platform: CurrentPlatform) -> None:
        await neighbour(platform).close()

    @router.get("/user")
    async def user() -> None:
        bind_user("u-42")
        logs.logger().info("seen")

    app = build_app(settings, title="test", openapi_path="/openapi.json", routers=[router])
    app.state.neighbours = neighbours
    return app


@pytest.fixture
async def client(echo: str, log: io.StringIO) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app_before(echo)) as opened:
        yield opened
        await opened.get("/close")


def lines(log: io.StringIO, event: str) -> list[dict[str, object]]:
    return [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == event]


async def test_a_neighbour_gets_the_request_s_ids_and_what_is_left_of_its_time(
    client: httpx.AsyncClient,
) -> None:
    headers = {**CALLER, deadline.HEADER: "9000"}
    got = (await client.get("/ask/200", headers=headers)).json()["headers"]
    assert got["x-request-id"] == "r-7"
    assert got["traceparent"].split("-")[1] == TRACE
    assert 0 < int(got[deadline.HEADER]) <= 9000


async def test_every_log_line_of_a_request_has_its_trace(client: httpx.AsyncClient, log: io.StringIO) -> None:
    await client.get("/user", headers=CALLER)
    (seen,), (request,) = lines(log, "seen"), lines(log, "request")
    assert (seen["trace_id"], seen["request_id"], seen["user"]) == (TRACE, "r-7", "u-42")
    assert request["trace_id"] == TRACE
    assert (seen["service"], seen["region"]) == ("gateway", "eu-west-1")


async def test_the_user_of_one_request_is_not_in_the_next(
    client: httpx.AsyncClient, log: io.StringIO
) -> None:
    await client.get("/user")
    await client.get("/health")
    assert "user" not in lines(log, "request")[-1]


@pytest.mark.parametrize("given", [None, "", "00-xyz-1-01", f"00-{'0' * 32}-00f067aa0ba902b7-01"])
async def test_without_a_valid_trace_a_request_begins_one(
    client: httpx.AsyncClient, log: io.StringIO, given: str | None
) -> None:
    for _ in range(2):
        await client.get("/user", headers={} if given is None else {"traceparent": given})
    first, second = (str(line["trace_id"]) for line in lines(log, "seen"))
    assert len(first) == 32
    assert first != second


async def test_spans_reach_a_collector_with_route_status_and_parent(
    echo: str, collector: Receiver, log: io.StringIO
) -> None:
    async with client_of(app_before(echo, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)) as client:
        await client.get("/ask/200", headers=CALLER)
        await client.get("/health")
        await client.get("/close")
    assert collector.paths == {"/v1/traces"}
    assert collector.resource["service.name"] == "gateway"
    assert collector.resource["cloud.region"] == "eu-west-1"
    spans = {span.name: span for span in collector.spans}
    server, call = spans["GET /ask/{status}"], spans["GET echo"]
    assert server.trace_id.hex() == call.trace_id.hex() == TRACE
    assert (server.parent_span_id.hex(), call.parent_span_id) == ("00f067aa0ba902b7", server.span_id)
    assert attributes_of(server)["http.response.status_code"] == 200
    assert not any("health" in name for name in spans)


async def test_an_error_is_an_error_in_its_span(echo: str, collector: Receiver, log: io.StringIO) -> None:
    async with client_of(app_before(echo, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)) as client:
        await client.get("/ask/500")
        await client.get("/close")
    server = next(span for span in collector.spans if span.name == "GET /ask/{status}")
    assert server.status.code == 2
    assert attributes_of(server)["http.response.status_code"] == 502


async def test_a_collector_that_is_not_there_costs_no_request_its_answer(echo: str, log: io.StringIO) -> None:
    host, port = own_address()
    async with client_of(app_before(echo, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{host}:{port}")) as client:
        assert (await client.get("/ask/200")).status_code == 200
        await client.get("/close")


@pytest.fixture
async def neighbour(echo: str) -> AsyncIterator[Neighbour]:
    app = app_before(echo)
    platform = app.state.platform
    opened = Neighbour("echo", echo, metrics=platform.metrics, tracing=platform.tracing, timeout=2)
    yield opened
    await opened.close()


@pytest.mark.parametrize(("method", "times"), [("GET", 3), ("POST", 1)])
async def test_a_neighbour_that_cannot_is_asked_again_where_that_is_safe(
    neighbour: Neighbour, method: str, times: int
) -> None:
    with pytest.raises(NeighbourUnavailableError, match="echo answered 503"):
        await neighbour.call(method, "/status/503")
    assert (await neighbour.call("GET", "/asked")).json() == {"/status/503": times}


async def test_calls_made_again_and_calls_refused_are_counted(neighbour: Neighbour) -> None:
    neighbour.bulkhead = Bulkhead("unused", size=0)
    metrics = neighbour._metrics
    metrics.watch_bulkhead(neighbour.bulkhead)
    with pytest.raises(BulkheadFullError):
        await neighbour.call("POST", "/status/200")
    neighbour.bulkhead = Bulkhead("echo", size=1)
    with pytest.raises(NeighbourUnavailableError):
        await neighbour.call("GET", "/status/503")
    metrics.refresh()
    value = metrics.registry.get_sample_value
    assert value("richesreach_bulkhead_refused_total", {"dependency": "unused"}) == 1
    assert value("richesreach_bulkhead_active", {"dependency": "echo"}) == 0
    assert value("richesreach_retries_total", {"dependency": "echo"}) == 2


async def test_a_neighbour_that_fails_is_not_asked_the_same_again(neighbour: Neighbour) -> None:
    with pytest.raises(NeighbourError, match="echo answered 500"):
        await neighbour.call("GET", "/status/500")
    assert (await neighbour.call("GET", "/asked")).json() == {"/status/500": 1}


async def test_what_the_neighbour_refuses_is_an_answer(neighbour: Neighbour) -> None:
    assert (await neighbour.call("GET", "/status/404")).status == 404


async def test_a_neighbour_that_is_gone_is_left_alone(neighbour: Neighbour) -> None:
    host, port = own_address()
    neighbour._base_url = f"http://{host}:{port}"
    for _ in range(neighbour.breaker.policy.least):
        with pytest.raises(OSError, match="echo"):
            await neighbour.call("POST", "/status/200")
    assert neighbour.breaker.state is State.OPEN


async def test_callers_with_little_time_open_no_circuit(neighbour: Neighbour) -> None:
    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    host, port = own_address()
    neighbour._base_url = f"http://{host}:{port}"
    server = await asyncio.start_server(say_nothing, host, port)
    for _ in range(2 * neighbour.breaker.policy.least):
        with deadline.within(0.02), pytest.raises(DeadlineExceededError, match="echo had"):
            await neighbour.call("POST", "/status/200")
    assert neighbour.breaker.state is State.CLOSED
    server.close()


async def test_a_neighbour_cannot_send_a_call_elsewhere(neighbour: Neighbour) -> None:
    assert (await neighbour.call("GET", "/moved")).status == 307
