"""`/v1/*` as clients of OpenAI see it: answers, streams, and errors in its shape."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
import router_app
from gateway_task import Environment
from mock_provider import MockProvider
from money_stores import ADMIN, settings_of
from postgres_servers import PostgresCluster
from richesreach.ai_router.budgets.model import Budget, Period, Scope
from richesreach.ai_router.budgets.store import BudgetStore
from richesreach.core.database import Database

HELLO = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


async def chat(ask: httpx.AsyncClient, **members: Any) -> httpx.Response:
    return await ask.post("/v1/chat/completions", json={**HELLO, **members})


def error_of(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/json"
    error: dict[str, Any] = response.json()["error"]
    assert {"message", "type", "param", "code"} <= set(error)
    return error


async def test_an_answer_says_who_made_it_and_what_it_cost(ask: httpx.AsyncClient) -> None:
    response = await chat(ask)
    assert response.status_code == 200, response.text
    assert response.json()["object"] == "chat.completion"
    assert "mock answer" in response.json()["choices"][0]["message"]["content"]
    assert response.headers["x-richesreach-model"] == "gpt-4o-mini"
    assert response.headers["x-richesreach-provider"] == "openai"
    assert int(response.headers["x-richesreach-cost-microdollars"]) > 0
    assert response.headers["x-request-id"]


async def test_the_request_id_reaches_the_provider(ask: httpx.AsyncClient, mock: MockProvider) -> None:
    response = await chat(ask)
    assert mock.seen()[0]["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    "model", ["claude-sonnet-4-5", "gemini-2.5-flash", "auto", "bedrock/claude-sonnet-4-5"]
)
async def test_each_model_answers_in_the_same_shape(ask: httpx.AsyncClient, model: str) -> None:
    response = await chat(ask, model=model)
    assert response.status_code == 200, response.text
    assert "mock answer" in response.json()["choices"][0]["message"]["content"]


async def test_a_stream_ends_with_done(ask: httpx.AsyncClient) -> None:
    response = await chat(ask, stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = response.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert json.loads(events[0].removeprefix("data: "))["object"] == "chat.completion.chunk"


async def test_a_stream_that_breaks_ends_with_an_error_and_not_with_done(
    ask: httpx.AsyncClient, mock: MockProvider
) -> None:
    mock.does("truncated", events=5, delay=1)
    response = await chat(ask, stream=True)
    assert response.status_code == 200
    last = response.text.strip().rpartition("data: ")[2]
    assert json.loads(last)["error"]["code"] == "truncated"
    assert "[DONE]" not in response.text


async def test_a_provider_that_fails_is_followed_by_another(
    ask: httpx.AsyncClient, mock: MockProvider
) -> None:
    mock.does("server_error", provider="openai")
    response = await chat(ask)
    assert response.status_code == 200
    assert response.headers["x-richesreach-provider"] != "openai"


async def test_a_stream_that_fails_at_once_is_followed_by_another(
    ask: httpx.AsyncClient, mock: MockProvider
) -> None:
    mock.does("out_of_credit", provider="openai")
    response = await chat(ask, stream=True)
    assert response.headers["x-richesreach-provider"] != "openai"
    assert response.text.endswith("data: [DONE]\n\n")


async def test_when_all_are_down_it_says_what_was_tried(ask: httpx.AsyncClient, mock: MockProvider) -> None:
    mock.does("overloaded", retry_after=3)
    response = await chat(ask)
    error = error_of(response)
    assert (response.status_code, error["code"]) == (503, "all_providers_failed")
    tried = error["details"]["tried"]
    assert tried[0]["provider"] == "openai"
    assert {attempt["outcome"] for attempt in tried} == {"overloaded"}
    assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize("stream", [False, True])
async def test_what_the_request_deserves_is_not_tried_elsewhere(
    ask: httpx.AsyncClient, mock: MockProvider, stream: bool
) -> None:
    mock.does("filtered")
    response = await chat(ask, stream=stream)
    assert (response.status_code, error_of(response)["code"]) == (400, "content_filter")
    assert len(mock.seen()) == 1


async def test_a_prompt_that_is_too_long_is_refused_with_the_counts(
    ask: httpx.AsyncClient, mock: MockProvider
) -> None:
    messages = [{"role": "user", "content": "many words " * 200_000}]
    response = await chat(ask, messages=messages, richesreach={"fallbacks": False})
    error = error_of(response)
    assert (response.status_code, error["code"]) == (413, "context_length_exceeded")
    assert error["details"]["prompt_tokens"] > error["details"]["context_tokens"] > 0
    assert mock.seen() == []


async def test_an_unknown_model_is_not_found(ask: httpx.AsyncClient) -> None:
    response = await chat(ask, model="gpt-99-imaginary")
    error = error_of(response)
    assert (response.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "malformed_json"),
        (b'{"model":"auto"}', "missing_required_parameter"),
        (b'{"model":"auto","messages":3}', "invalid_type"),
    ],
)
async def test_a_body_that_is_wrong_is_told(ask: httpx.AsyncClient, body: bytes, code: str) -> None:
    response = await ask.post("/v1/chat/completions", content=body)
    assert (response.status_code, error_of(response)["code"]) == (400, code)


async def test_an_invalid_tool_costs_nothing(ask: httpx.AsyncClient, mock: MockProvider) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}
    response = await chat(ask, tools=[tool])
    assert (response.status_code, error_of(response)["code"]) == (400, "invalid_tool")
    assert mock.seen() == []


async def test_nobody_is_asked_for_a_key(ask: httpx.AsyncClient) -> None:
    response = await ask.post("/v1/chat/completions", json=HELLO, headers={"authorization": ""})
    assert (response.status_code, error_of(response)["type"]) == (401, "authentication_error")
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_without_the_scope_is_refused(ask: httpx.AsyncClient) -> None:
    response = await ask.get("/v1/models", headers={"authorization": "Bearer rr_nothing"})
    assert (response.status_code, error_of(response)["type"]) == (403, "permission_error")


async def test_models_are_those_that_can_be_asked(ask: httpx.AsyncClient) -> None:
    found = [model["id"] for model in (await ask.get("/v1/models")).json()["data"]]
    assert found[0] == "auto"
    assert {"gpt-4o", "gpt-4o-mini"} <= set(found)
    assert len(found) == len(set(found))


async def test_embeddings_are_openais(ask: httpx.AsyncClient) -> None:
    response = await ask.post("/v1/embeddings", json={"model": "text-embedding-3-small", "input": ["a", "b"]})
    assert response.status_code == 200, response.text
    assert [item["index"] for item in response.json()["data"]] == [0, 1]


async def test_no_provider_at_all_is_said(ai_environment: Environment) -> None:
    app = router_app.router_app(ai_environment, router_app.ai_settings({}))
    async with router_app.client_of(app) as ask:
        response = await chat(ask)
        assert (response.status_code, error_of(response)["code"]) == (503, "provider_disabled")
        assert [model["id"] for model in (await ask.get("/v1/models")).json()["data"]] == ["auto"]
        health = (await ask.get("/ai/health")).json()
        assert health["providers"]["openai"] == {"status": "disabled", "keys": 0}


async def test_a_body_may_hold_images(ask: httpx.AsyncClient, mock: MockProvider) -> None:
    image = "data:image/png;base64," + "A" * 2_000_000
    part = {"type": "image_url", "image_url": {"url": image}}
    response = await chat(ask, messages=[{"role": "user", "content": [part]}])
    assert response.status_code == 200, response.text[:500]
    (seen,) = mock.seen()
    arrived = seen["body"]["messages"][0]["content"][0]["image_url"]["url"]
    assert len(arrived) == len(image)


async def test_an_answer_that_cannot_differ_is_kept(ask: httpx.AsyncClient, mock: MockProvider) -> None:
    first = await chat(ask, temperature=0, user="kept")
    second = await _when_kept(ask, temperature=0, user="kept")
    assert second.headers["x-richesreach-cache"] == "exact"
    assert second.headers["x-richesreach-cost-microdollars"] == "0"
    assert second.content == first.content
    assert {seen["body"].get("user") for seen in mock.seen()} == {"kept"}


async def test_a_kept_answer_is_told_as_a_stream(ask: httpx.AsyncClient) -> None:
    streamed = await chat(ask, temperature=0, user="as a stream", stream=True)
    again = await _when_kept(ask, temperature=0, user="as a stream", stream=True)
    assert _text(again) == _text(streamed) != ""
    assert again.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_request_that_is_sent_again_is_done_once(
    ask: httpx.AsyncClient, mock: MockProvider, stream: bool
) -> None:
    headers = {"idempotency-key": uuid4().hex}
    body = {**HELLO, "stream": stream}
    first = await ask.post("/v1/chat/completions", json=body, headers=headers)
    second = await ask.post("/v1/chat/completions", json=body, headers=headers)
    assert len(mock.seen()) == 1
    assert second.headers["x-richesreach-replayed"] == "true"
    if stream:
        assert _text(first) == _text(second) != ""
    else:
        assert first.content == second.content
    other = await ask.post("/v1/chat/completions", json={**body, "seed": 1}, headers=headers)
    assert (other.status_code, error_of(other)["code"]) == (422, "idempotency_key_reused")


async def test_a_request_that_failed_may_be_sent_again(ask: httpx.AsyncClient, mock: MockProvider) -> None:
    headers = {"idempotency-key": uuid4().hex}
    mock.does("filtered")
    assert (await ask.post("/v1/chat/completions", json=HELLO, headers=headers)).status_code == 400
    mock.rules()
    assert (await ask.post("/v1/chat/completions", json=HELLO, headers=headers)).status_code == 200


async def test_a_budget_that_is_spent_is_a_402_with_its_details(
    ask: httpx.AsyncClient, ai_database: PostgresCluster
) -> None:
    database = Database(settings_of(ai_database))
    await database.open()
    await BudgetStore(database).put(Budget(Scope("poor"), 0, Period.MONTH), ADMIN)
    await database.close()
    ai_database.replicated()
    response = await ask.post("/v1/chat/completions", json=HELLO, headers={"authorization": "Bearer rr_poor"})
    error = error_of(response)
    assert (response.status_code, error["code"]) == (402, "budget_exhausted")
    assert error["details"]["budget"]["left_microdollars"] == 0


async def test_secrets_do_not_leave_where_the_caller_wants_it(
    ask: httpx.AsyncClient, mock: MockProvider
) -> None:
    key = "AKIA" + "IOSFODNN7EXAMPLE"
    messages = [{"role": "user", "content": f"my key is {key}"}]
    await chat(ask, messages=messages, richesreach={"redact": True})
    assert key not in json.dumps(mock.seen()[0]["body"])


async def test_what_the_core_refuses_has_openais_shape_too(ask: httpx.AsyncClient) -> None:
    large = await ask.post("/v1/chat/completions", content=b"{" * (21 * 1024 * 1024))
    assert (large.status_code, error_of(large)["type"]) == (413, "invalid_request_error")
    unknown = await ask.get("/v1/assistants")
    assert (unknown.status_code, error_of(unknown)["code"]) == (404, "not_found")
    wrong = await ask.put("/v1/chat/completions", json={})
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert error_of(wrong)["message"]


async def test_a_caller_beyond_its_limit_is_told_in_openais_shape(
    ai_environment: Environment, mock: MockProvider
) -> None:
    limited = {**ai_environment, "RATE_LIMIT_TIERS": "anonymous=1/60,key=1/60"}
    app = router_app.router_app(limited, router_app.ai_settings(router_app.secret(mock)))
    async with router_app.client_of(app) as ask:
        await ask.get("/v1/models", headers={"authorization": ""})
        response = await ask.get("/v1/models", headers={"authorization": ""})
        assert (response.status_code, error_of(response)["code"]) == (429, "rate_limited")
        assert response.headers["retry-after"]


async def _when_kept(ask: httpx.AsyncClient, **members: Any) -> httpx.Response:
    """Answers are kept beside the answer: soon, and not before it."""
    async with asyncio.timeout(20):
        while True:
            response = await chat(ask, **members)
            if "x-richesreach-cache" in response.headers:
                return response
            await asyncio.sleep(0.02)


def _text(response: httpx.Response) -> str:
    events = [json.loads(event[6:]) for event in response.text.split("\n\n") if event.startswith("data: {")]
    return "".join(event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"])
