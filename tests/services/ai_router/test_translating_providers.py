"""Anthropic, Google and Bedrock answer in OpenAI's shape, and fail by the same names."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import calls
import pytest
from calls import FAILURES, SECRET, chunks, failure_of
from mock_provider import MockProvider
from richesreach.ai_router.model import Failure
from richesreach.ai_router.providers.anthropic import Anthropic
from richesreach.ai_router.providers.bedrock import Bedrock
from richesreach.ai_router.providers.connections import Connections
from richesreach.ai_router.providers.google import Google
from richesreach.ai_router.providers.provider import Chunk, Provider
from richesreach.ai_router.wire.chat import read_response

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"enum": ["Oslo"]}}},
    },
}
Make = Callable[[str, Connections], Provider]
MAKE: dict[str, Make] = {
    "anthropic": lambda url, connections: Anthropic("anthropic", url, connections),
    "google": lambda url, connections: Google("google", url, connections),
    "bedrock": lambda url, connections: Bedrock("bedrock", url, "eu-west-1", connections),
}


@pytest.fixture(params=MAKE)
async def provider(request: pytest.FixtureRequest, mock: MockProvider) -> AsyncIterator[Provider]:
    connections = calls.connections()
    yield MAKE[request.param](mock.url, connections)
    await connections.close()


def events(found: list[Chunk]) -> list[dict[str, Any]]:
    data = b"".join(chunk.data for chunk in found).decode()
    assert data.endswith("\n\n")
    return [json.loads(event.removeprefix("data: ")) for event in data.split("\n\n")[:-1]]


async def test_an_answer_has_openais_shape(provider: Provider, mock: MockProvider) -> None:
    answer = await provider.chat(calls.call(upstream="some-model"))
    response = read_response(answer.body)
    assert "mock answer of some-model" in response.text
    assert (response.model, response.object) == ("some-model", "chat.completion")
    assert response.choices[0].finish_reason == "stop"
    assert response.usage is not None
    assert response.usage.usage() == answer.usage
    assert answer.usage.input > 0 < answer.usage.output
    (seen,) = mock.seen()
    assert (seen["key"], seen["request_id"]) == (SECRET[-4:], "request-1")


async def test_a_stream_has_openais_shape(provider: Provider) -> None:
    found = await chunks(provider, calls.call(stream=True))
    told = events(found)
    assert told[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in told)
    assert "mock answer" in text
    assert told[-1]["choices"][0]["finish_reason"] == "stop"
    assert len({event["id"] for event in told}) == 1
    assert sum(chunk.characters for chunk in found) == len(text)
    assert [chunk.usage is None for chunk in found] == [True] * (len(found) - 1) + [False]


async def test_a_stream_says_what_a_whole_answer_says(provider: Provider) -> None:
    whole = await provider.chat(calls.call())
    found = await chunks(provider, calls.call(stream=True, stream_options={"include_usage": True}))
    told = events(found)
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in told if event["choices"])
    assert text == read_response(whole.body).text
    assert found[-1].usage == whole.usage
    assert (told[-1]["choices"], told[-1]["usage"]["completion_tokens"]) == ([], whole.usage.output)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_tool_is_called(provider: Provider, stream: bool) -> None:
    asked = calls.call(tools=[WEATHER], stream=stream)
    if stream:
        told = events(await chunks(provider, asked))
        parts = [call for e in told for call in e["choices"][0]["delta"].get("tool_calls", ())]
        assert {part["index"] for part in parts} == {0}
        name = parts[0]["function"]["name"]
        given = "".join(part["function"]["arguments"] for part in parts)
        finish = told[-1]["choices"][0]["finish_reason"]
    else:
        choice = read_response((await provider.chat(asked)).body).choices[0]
        assert choice.message.tool_calls is not None
        function = choice.message.tool_calls[0].function
        name, given, finish = function.name, function.arguments, choice.finish_reason
    assert (name, json.loads(given), finish) == ("weather", {"city": "Oslo"}, "tool_calls")


async def test_a_tools_answer_goes_back(provider: Provider) -> None:
    first = read_response((await provider.chat(calls.call(tools=[WEATHER]))).body).choices[0].message
    assert first.tool_calls is not None
    called = first.tool_calls[0]
    function = {"name": called.function.name, "arguments": called.function.arguments}
    messages = [
        *calls.HELLO,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": called.id, "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": called.id, "content": "sunny"},
    ]
    answer = await provider.chat(calls.call(messages, tools=[WEATHER]))
    assert "mock answer" in read_response(answer.body).text


async def test_a_limit_ends_the_answer(provider: Provider) -> None:
    answer = await provider.chat(calls.call(max_tokens=3))
    choice = read_response(answer.body).choices[0]
    assert (choice.finish_reason, choice.message.content) == ("length", "This is a")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("mode", FAILURES)
async def test_a_failure_is_told_by_its_name(
    provider: Provider, mock: MockProvider, mode: str, stream: bool
) -> None:
    mock.does(mode, retry_after=7)
    error = await failure_of(provider, calls.call(stream=stream))
    assert (error.failure, error.began) == (FAILURES[mode], False)
    if mode in {"rate_limited", "overloaded"}:
        assert error.retry_after == 7


@pytest.mark.parametrize(
    ("mode", "failure"), [("truncated", Failure.TRUNCATED), ("malformed", Failure.MALFORMED)]
)
async def test_a_broken_answer_is_none(
    provider: Provider, mock: MockProvider, mode: str, failure: Failure
) -> None:
    mock.does(mode)
    assert (await failure_of(provider, calls.call())).failure is failure


@pytest.mark.parametrize(
    ("mode", "failures"),
    [
        ("truncated", {Failure.TRUNCATED}),
        ("malformed", {Failure.MALFORMED}),
        ("error_in_stream", {Failure.SERVER_ERROR, Failure.OVERLOADED}),
        ("huge", {Failure.MALFORMED}),
    ],
)
async def test_a_stream_that_breaks_has_begun(
    provider: Provider, mock: MockProvider, mode: str, failures: set[Failure]
) -> None:
    mock.does(mode, events=4, delay=1)
    error = await failure_of(provider, calls.call(stream=True))
    assert error.failure in failures
    assert error.began


async def test_a_stream_whose_first_event_is_late_is_a_timeout(
    provider: Provider, mock: MockProvider
) -> None:
    mock.does("slow_stream", delay=60)
    error = await failure_of(provider, calls.call(stream=True, timeout=0.3))
    assert (error.failure, error.began) == (Failure.TIMEOUT, False)


async def test_a_caller_that_leaves_cuts_the_stream(provider: Provider, mock: MockProvider) -> None:
    mock.does("slow_stream", delay=0.05)
    stream = provider.stream(calls.call(stream=True))
    await anext(stream)
    await stream.aclose()
    async with asyncio.timeout(30):
        while not any(seen["cut"] for seen in await asyncio.to_thread(mock.seen)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_several_choices_are_refused(provider: Provider) -> None:
    error = await failure_of(provider, calls.call(n=2))
    assert error.failure is Failure.INVALID_REQUEST
    assert "n > 1" in error.detail


async def test_an_image_that_is_no_web_address_is_refused(provider: Provider) -> None:
    image = {"type": "image_url", "image_url": {"url": "http://169.254.169.254/latest"}}
    error = await failure_of(provider, calls.call([{"role": "user", "content": [image]}]))
    assert error.failure is Failure.INVALID_REQUEST


async def test_embeddings_are_openais_or_refused(provider: Provider) -> None:
    if provider.name == "anthropic":
        with pytest.raises(Exception, match="embeddings"):
            await provider.embed(calls.embed_call(["a"]))
        return
    plain = await provider.embed(calls.embed_call(["a", "b"]))
    packed = await provider.embed(calls.embed_call(["a", "b"], encoding_format="base64"))
    body, short = json.loads(plain.body), json.loads(packed.body)
    assert [item["index"] for item in body["data"]] == [0, 1]
    assert isinstance(short["data"][0]["embedding"], str)
    assert plain.usage.input > 0
