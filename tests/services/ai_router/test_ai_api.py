"""`/ai/*`: a model is chosen and the choice explained, one request at a time or many."""

import json
from typing import Any

import httpx
from mock_provider import MockProvider


async def route(ask: httpx.AsyncClient, **members: Any) -> httpx.Response:
    return await ask.post("/ai/route", json=members)


async def test_a_prompt_is_enough(ask: httpx.AsyncClient) -> None:
    response = await route(ask, prompt="hello")
    assert response.status_code == 200, response.text
    body = response.json()
    assert "mock answer" in body["content"]
    assert body["completion"]["choices"][0]["message"]["content"] == body["content"]
    assert body["attempts"][0]["outcome"] == "ok"
    assert body["cost_microdollars"] > 0
    assert "decision" not in body


async def test_a_choice_is_explained(ask: httpx.AsyncClient) -> None:
    response = await route(ask, prompt="hello", richesreach={"explain": True, "seed": 1})
    decision = response.json()["decision"]
    best = decision["candidates"][0]
    assert (best["model"], best["provider"]) == (response.json()["model"], response.json()["provider"])
    assert decision["regret"]["value"] >= 0
    assert len(decision["candidates"]) > 3


async def test_a_route_can_be_a_stream(ask: httpx.AsyncClient) -> None:
    response = await route(ask, prompt="hello", stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.endswith("data: [DONE]\n\n")


async def test_errors_are_problems(ask: httpx.AsyncClient, mock: MockProvider) -> None:
    wrong = await route(ask, prompt="hello", messages=[])
    assert wrong.headers["content-type"] == "application/problem+json"
    assert (wrong.status_code, wrong.json()["param"]) == (400, "prompt")
    mock.does("overloaded")
    down = await route(ask, prompt="hello")
    assert (down.status_code, down.json()["type"]) == (503, "urn:richesreach:problem:all-providers-failed")
    assert down.json()["tried"]
    stream = await route(ask, prompt="hello", stream=True)
    assert (stream.status_code, stream.headers["content-type"]) == (503, "application/problem+json")


async def test_a_batch_is_answered_in_order_and_failures_stay_in_their_place(
    ask: httpx.AsyncClient, mock: MockProvider
) -> None:
    requests = [{"prompt": "one"}, {"prompt": "two", "model": "no-such-model"}, {"prompt": "three"}, {}]
    response = await ask.post("/ai/route/batch", json={"requests": requests})
    body = response.json()
    assert [result["status"] for result in body["results"]] == [200, 404, 200, 400]
    assert body["failed"] == 2
    assert "You said: three" in body["results"][2]["content"]
    assert body["results"][1]["problem"]["type"] == "urn:richesreach:problem:model-not-found"
    assert len({seen["request_id"] for seen in mock.seen()}) == 2


async def test_a_batch_is_not_endless(ask: httpx.AsyncClient) -> None:
    response = await ask.post("/ai/route/batch", json={"requests": [{"prompt": "x"}] * 65})
    assert (response.status_code, response.json()["param"]) == (400, "requests")


async def test_models_show_what_they_can_and_cost(ask: httpx.AsyncClient) -> None:
    models = (await ask.get("/ai/models")).json()["models"]
    mini = next(model for model in models if model["name"] == "gpt-4o-mini")
    assert mini["enabled"]
    assert mini["context_tokens"] == 128_000
    assert mini["usd_per_million_tokens"]["input"] == 0.15


async def test_health_says_which_provider_is_left_alone_and_never_which_key(
    ask: httpx.AsyncClient, mock: MockProvider
) -> None:
    assert (await ask.get("/ai/health", headers={"authorization": ""})).json()["status"] == "ok"
    mock.does("out_of_credit", provider="openai")
    await route(ask, prompt="hello", model="gpt-4o")
    found = (await ask.get("/ai/health")).json()["providers"]["openai"]
    assert found["status"] == "degraded"
    assert found["left_alone"][0]["reason"] == "out_of_credit"
    assert ":a" not in json.dumps(found)


async def test_nobody_may_ask(ask: httpx.AsyncClient) -> None:
    for method, path in (("POST", "/ai/route"), ("POST", "/ai/route/batch"), ("GET", "/ai/models")):
        response = await ask.request(method, path, json={}, headers={"authorization": ""})
        assert response.status_code == 401, path
