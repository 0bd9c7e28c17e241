"""The official `openai` SDK, unmodified, against a process of the router."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import loopback
import openai
import pytest
import router_app
from cache_servers import CachePair
from gateway_task import ServiceProcess, task_environment
from mock_provider import MockProvider
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from postgres_servers import PostgresCluster

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"enum": ["Oslo"]}}},
    },
}
MODELS = ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "bedrock/claude-sonnet-4-5"]


@pytest.fixture(scope="module")
def base_url(
    ai_database: PostgresCluster, _session_caches: CachePair, _session_mock: MockProvider
) -> Iterator[str]:
    """A process of the router, as a task runs it."""
    host, port = loopback.own_address()
    environment = {
        **task_environment(ai_database, _session_caches),
        "SERVICE_NAME": "ai-router",
        "BIND_ADDRESS": host,
        "PORT": str(port),
        "AI_PRIVATE_PROVIDERS": "true",
        "RATE_LIMITING": "false",
        "DRAIN_SECONDS": "0",
        "SECRET_AI_PROVIDERS": json.dumps(router_app.secret(_session_mock)),
    }
    process = ServiceProcess("bench_router", environment, Path(__file__).parent)
    try:
        loopback.until(lambda: loopback.accepts(host, port), "the router serves", patience=120)
        yield f"http://{host}:{port}/v1"
    finally:
        process.kill()


@pytest.fixture
def sync(base_url: str, mock: MockProvider) -> Iterator[OpenAI]:
    with OpenAI(base_url=base_url, api_key="rr_bench", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("model", MODELS)
def test_an_answer(sync: OpenAI, model: str) -> None:
    answer = sync.chat.completions.create(model=model, messages=HELLO)
    assert "mock answer" in (answer.choices[0].message.content or "")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_with_its_usage(sync: OpenAI, model: str) -> None:
    stream = sync.chat.completions.create(
        model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "mock answer" in text
    assert chunks[-1].usage is not None


@pytest.mark.parametrize("model", MODELS)
def test_a_tool_is_called_and_its_answer_taken(sync: OpenAI, model: str) -> None:
    first = sync.chat.completions.create(model=model, messages=HELLO, tools=[WEATHER])
    (call,) = first.choices[0].message.tool_calls or ()
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Oslo"})
    said: Any = first.choices[0].message.model_dump(exclude_none=True)
    messages = [*HELLO, said, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    second = sync.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
    assert "mock answer" in (second.choices[0].message.content or "")


@pytest.mark.parametrize("model", MODELS)
def test_a_tool_is_called_in_a_stream(sync: OpenAI, model: str) -> None:
    with sync.chat.completions.stream(model=model, messages=HELLO, tools=[WEATHER]) as stream:
        stream.until_done()
        message = stream.get_final_completion().choices[0].message
    (call,) = message.tool_calls or ()
    assert json.loads(call.function.arguments) == {"city": "Oslo"}


async def test_many_at_a_time(base_url: str, mock: MockProvider) -> None:
    async with AsyncOpenAI(base_url=base_url, api_key="rr_bench", max_retries=0) as client:

        async def one(number: int) -> str:
            stream = await client.chat.completions.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": f"number {number}"}], stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

        found = await asyncio.gather(*(one(number) for number in range(40)))
    assert all(f"You said: number {number}" in text for number, text in enumerate(found))


async def test_a_client_that_leaves_cuts_the_providers_stream(base_url: str, mock: MockProvider) -> None:
    await asyncio.to_thread(mock.does, "slow_stream", delay=0.05)
    async with AsyncOpenAI(base_url=base_url, api_key="rr_bench", max_retries=0) as client:
        stream = await client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, stream=True)
        await anext(aiter(stream))
        await stream.close()
        async with asyncio.timeout(30):
            while not any(seen["cut"] for seen in await asyncio.to_thread(mock.seen)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_a_client_that_leaves_before_the_answer_cuts_the_request(
    base_url: str, mock: MockProvider
) -> None:
    await asyncio.to_thread(mock.does, "hang")
    async with AsyncOpenAI(base_url=base_url, api_key="rr_bench", max_retries=0, timeout=1.0) as client:
        with pytest.raises(openai.APITimeoutError):
            await client.chat.completions.create(model="gpt-4o-mini", messages=HELLO)
        async with asyncio.timeout(30):
            while not any(seen["cut"] for seen in await asyncio.to_thread(mock.seen)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


def test_embeddings(sync: OpenAI) -> None:
    found = sync.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    assert [item.index for item in found.data] == [0, 1]


def test_models(sync: OpenAI) -> None:
    assert {"auto", "gpt-4o"} <= {model.id for model in sync.models.list()}


@pytest.mark.parametrize(
    ("model", "mode", "error"),
    [
        ("no-such-model", "ok", openai.NotFoundError),
        ("gpt-4o", "filtered", openai.BadRequestError),
        ("gpt-4o", "overloaded", openai.InternalServerError),
    ],
)
def test_errors_are_the_sdks_own(
    sync: OpenAI, mock: MockProvider, model: str, mode: str, error: type[openai.APIStatusError]
) -> None:
    mock.does(mode)
    with pytest.raises(error) as caught:
        sync.chat.completions.create(model=model, messages=HELLO)
    assert caught.value.request_id
    assert caught.value.code


def test_a_wrong_key_is_an_authentication_error(base_url: str, mock: MockProvider) -> None:
    with (
        OpenAI(base_url=base_url, api_key="sk-somebody-elses", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()
