"""What every answer has: a request id, a region, metrics, a log line, and errors of one form."""

import io
import json
import logging
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter
from gateway_task import client_of, task_environment
from prometheus_client.parser import text_string_to_metric_families
from richesreach.core import logs
from richesreach.core.app import build_app
from richesreach.core.identity import new_request_id
from richesreach.core.settings import Settings

SEVEN = {
    "richesreach_requests": "counter",
    "richesreach_request_duration_seconds": "histogram",
    "richesreach_active_connections": "gauge",
    "richesreach_database_connections": "gauge",
    "richesreach_cache_hit_ratio": "gauge",
    "richesreach_ml_predictions": "counter",
    "richesreach_api_errors": "counter",
}
SECRET = "tok-in-query-3141"


def breaking_router() -> APIRouter:
    router = APIRouter()

    @router.get("/items/{item}")
    async def item(item: int) -> dict[str, int]:
        return {"item": item}

    @router.get("/break")
    async def break_down() -> None:
        raise RuntimeError("the gears jammed")

    @router.post("/echo")
    async def echo(body: dict[str, str]) -> dict[str, str]:
        return body

    return router


@pytest.fixture
def log() -> io.StringIO:
    """What the service logs in this test."""
    stream = io.StringIO()
    logs.configure(service="gateway", region="eu-west-1", level="DEBUG", stream=stream)
    return stream


@pytest.fixture
async def client(log: io.StringIO) -> AsyncIterator[httpx.AsyncClient]:
    """A service of this test, none of whose dependencies runs."""
    settings = Settings.from_environment(task_environment(None, None))
    app = build_app(settings, title="test", openapi_path="/openapi.json", routers=[breaking_router()])
    async with client_of(app) as opened:
        yield opened


def logged(log: io.StringIO, event: str) -> dict[str, object]:
    """The one line of this event."""
    lines: list[dict[str, object]] = [json.loads(line) for line in log.getvalue().splitlines()]
    (found,) = (line for line in lines if line["event"] == event)
    return found


def problem(response: httpx.Response) -> dict[str, object]:
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = response.json()
    assert body["status"] == response.status_code
    assert body["request_id"] == response.headers["x-request-id"]
    return body


async def samples(client: httpx.AsyncClient) -> dict[str, list[tuple[dict[str, str], float]]]:
    families = text_string_to_metric_families((await client.get("/metrics/")).text)
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in families:
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


@pytest.mark.parametrize("given", ["a", "3f0c-77", "Root=1-67891233-abcdef012345", "x" * 128])
async def test_a_valid_request_id_is_answered(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/health", headers={"x-request-id": given})
    assert response.headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", 'quo"te', "new;line", "<b>"])
async def test_an_invalid_request_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    answered = (await client.get("/health", headers={"x-request-id": given})).headers["x-request-id"]
    assert answered
    assert answered != given


async def test_requests_without_an_id_get_different_ones(client: httpx.AsyncClient) -> None:
    ids = {(await client.get("/health")).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


def test_a_new_request_id_is_a_uuid_of_random_bits() -> None:
    ids = {new_request_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {(found.version, found.variant) for found in map(uuid.UUID, ids)} == {(4, uuid.RFC_4122)}


async def test_two_request_ids_are_none(client: httpx.AsyncClient) -> None:
    response = await client.get("/health", headers=[("x-request-id", "a-1"), ("x-request-id", "b-2")])
    assert response.headers["x-request-id"] not in {"a-1", "b-2"}


@pytest.mark.parametrize("path", ["/health", "/metrics/", "/nowhere", "/break", "/health/detailed"])
async def test_every_answer_names_its_region(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).headers["x-richesreach-region"] == "eu-west-1"


async def test_the_seven_metrics_have_the_names_of_the_requirements(client: httpx.AsyncClient) -> None:
    text = (await client.get("/metrics/")).text
    families = {family.name: family.type for family in text_string_to_metric_families(text)}
    assert SEVEN.items() <= families.items()
    assert "# TYPE richesreach_requests_total counter" in text


async def test_metrics_are_by_route_template(client: httpx.AsyncClient) -> None:
    for path in ("/items/1", "/items/2"):
        await client.get(path)
    found = await samples(client)
    labels = {"method": "GET", "endpoint": "/items/{item}", "status": "200"}
    assert (labels, 2.0) in found["richesreach_requests_total"]
    assert ({"method": "GET", "endpoint": "/items/{item}"}, 2.0) in found[
        "richesreach_request_duration_seconds_count"
    ]


async def test_what_a_caller_invents_makes_no_label(client: httpx.AsyncClient) -> None:
    await client.request("BREW", "/wp-admin/7")
    assert await samples(client)
    text = (await client.get("/metrics/")).text
    assert "wp-admin" not in text
    assert "BREW" not in text


async def test_errors_are_counted_by_status(client: httpx.AsyncClient) -> None:
    await client.get("/break")
    await client.get("/nowhere")
    errors = (await samples(client))["richesreach_api_errors_total"]
    assert ({"method": "GET", "endpoint": "/break", "status": "500"}, 1.0) in errors
    assert ({"method": "GET", "endpoint": "unmatched", "status": "404"}, 1.0) in errors


async def test_an_unknown_path_is_a_problem(client: httpx.AsyncClient) -> None:
    body = problem(await client.get("/nowhere"))
    assert (body["status"], body["type"], body["instance"]) == (404, "about:blank", "/nowhere")


async def test_a_wrong_method_is_a_problem_that_lists_the_right_ones(client: httpx.AsyncClient) -> None:
    response = await client.delete("/echo")
    assert problem(response)["status"] == 405
    assert response.headers["allow"] == "POST"


async def test_an_invalid_parameter_is_a_problem_that_names_it(client: httpx.AsyncClient) -> None:
    body = problem(await client.get("/items/seven"))
    assert body["status"] == 422
    assert body["errors"] == [{"in": "path", "name": "item", "detail": body["detail"][6:]}]  # type: ignore[index]


async def test_a_body_that_is_not_json_is_a_problem(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    assert problem(await client.post("/echo", content=b'{"a', headers=headers))["status"] == 400


async def test_a_body_beyond_the_limit_is_a_problem(client: httpx.AsyncClient) -> None:
    assert problem(await client.post("/echo", json={"a": "x" * 300_000}))["status"] == 413


async def test_a_chunked_body_beyond_the_limit_is_a_problem(client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 65_536

    response = await client.post("/echo", content=chunks(), headers={"content-type": "application/json"})
    assert problem(response)["status"] == 413


async def test_an_unhandled_error_is_a_problem_without_its_cause(client: httpx.AsyncClient) -> None:
    response = await client.get("/break")
    assert problem(response)["status"] == 500
    assert "gears" not in response.text


async def test_an_unhandled_error_is_logged_with_its_cause(
    client: httpx.AsyncClient, log: io.StringIO
) -> None:
    await client.get("/break", headers={"x-request-id": "r-1"})
    line = logged(log, "unhandled_error")
    assert (line["request_id"], line["level"]) == ("r-1", "error")
    assert "the gears jammed" in str(line["exception"])


async def test_a_request_is_one_json_line_without_its_query(
    client: httpx.AsyncClient, log: io.StringIO
) -> None:
    await client.get(f"/items/5?token={SECRET}", headers={"x-request-id": "r-2"})
    line = logged(log, "request")
    wanted = {
        "service": "gateway",
        "region": "eu-west-1",
        "request_id": "r-2",
        "level": "info",
        "status": 200,
    }
    assert wanted.items() <= line.items()
    assert {"timestamp", "duration_ms"} <= line.keys()
    assert SECRET not in log.getvalue()


def test_a_value_under_a_secret_key_is_not_logged(log: io.StringIO) -> None:
    logs.logger().info("login", password=SECRET, token=SECRET)
    assert logged(log, "login")["password"] == "***"
    assert SECRET not in log.getvalue()


def test_a_line_of_a_library_is_json_too(log: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("shutting %s", "down")
    assert logged(log, "shutting down")["service"] == "gateway"


def test_a_line_that_no_json_can_hold_is_a_line_all_the_same(log: io.StringIO) -> None:
    logs.logger().info("odd", half="\ud83d", odd={1, 2}, thing=object(), number=float("nan"))
    assert logged(log, "odd")["service"] == "gateway"
