"""OpenAI's own shape over the wire: whole answers, streams, and everything that can go wrong with them."""

import asyncio
import json
from collections.abc import AsyncIterator

import calls
import loopback
import pytest
from calls import FAILURES, SECRET, chunks, failure_of
from mock_provider import MockProvider
from richesreach.ai_router.model import Failure
from richesreach.ai_router.providers.openai import OpenAI


@pytest.fixture
async def openai(mock: MockProvider) -> AsyncIterator[OpenAI]:
    connections = calls.connections()
    yield OpenAI("openai", f"{mock.url}/v1", connections)
    await connections.close()


async def test_an_answer_is_what_the_provider_said(openai: OpenAI, mock: MockProvider) -> None:
    answer = await openai.chat(calls.call(upstream="gpt-4o"))
    body = json.loads(answer.body)
    assert (body["model"], body["object"]) == ("gpt-4o", "chat.completion")
    assert (answer.usage.output, answer.usage.estimated) == (body["usage"]["completion_tokens"], False)
    (seen,) = mock.seen()
    assert (seen["key"], seen["request_id"]) == (SECRET[-4:], "request-1")


async def test_a_stream_gives_whole_events_and_its_usage_last(openai: OpenAI) -> None:
    found = await chunks(openai, calls.call(stream=True))
    data = b"".join(chunk.data for chunk in found)
    events = [json.loads(event[6:]) for event in data.decode().split("\n\n")[:-1]]
    text = "".join(event["choices"][0]["delta"].get("content") or "" for event in events)
    assert "mock answer" in text
    assert b"[DONE]" not in data
    assert events[-1]["choices"][0]["finish_reason"] == "stop"
    assert [chunk.usage is None for chunk in found] == [True] * (len(found) - 1) + [False]
    assert sum(chunk.characters for chunk in found) == len(text)


async def test_the_usage_is_an_event_where_the_caller_wants_it(openai: OpenAI) -> None:
    found = await chunks(openai, calls.call(stream=True, stream_options={"include_usage": True}))
    last = json.loads(b"".join(chunk.data for chunk in found).decode().split("\n\n")[-2][6:])
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] > 0


async def test_usage_that_nobody_counted_is_estimated(openai: OpenAI, mock: MockProvider) -> None:
    mock.does("no_usage")
    whole = await openai.chat(calls.call())
    found = await chunks(openai, calls.call(stream=True))
    streamed = found[-1].usage
    assert streamed is not None
    assert whole.usage.estimated
    assert whole.usage.output == streamed.output > 5


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("mode", FAILURES)
async def test_a_failure_is_told_by_its_name(
    openai: OpenAI, mock: MockProvider, mode: str, stream: bool
) -> None:
    mock.does(mode, retry_after=7)
    error = await failure_of(openai, calls.call(stream=stream))
    assert (error.failure, error.began) == (FAILURES[mode], False)
    if mode in {"rate_limited", "overloaded"}:
        assert error.retry_after == 7


async def test_an_answer_that_breaks_off_is_truncated(openai: OpenAI, mock: MockProvider) -> None:
    mock.does("truncated")
    assert (await failure_of(openai, calls.call())).failure is Failure.TRUNCATED


async def test_an_answer_that_is_no_json_is_malformed(openai: OpenAI, mock: MockProvider) -> None:
    mock.does("malformed")
    assert (await failure_of(openai, calls.call())).failure is Failure.MALFORMED


async def test_an_answer_without_end_is_not_read_to_it(openai: OpenAI, mock: MockProvider) -> None:
    mock.does("huge")
    assert (await failure_of(openai, calls.call())).failure is Failure.MALFORMED


@pytest.mark.parametrize(
    ("mode", "failure"),
    [
        ("truncated", Failure.TRUNCATED),
        ("malformed", Failure.MALFORMED),
        ("error_in_stream", Failure.SERVER_ERROR),
        ("huge", Failure.MALFORMED),
    ],
)
async def test_a_stream_that_breaks_has_begun(
    openai: OpenAI, mock: MockProvider, mode: str, failure: Failure
) -> None:
    mock.does(mode, events=3, delay=1)
    error = await failure_of(openai, calls.call(stream=True))
    assert (error.failure, error.began) == (failure, True)


async def test_a_stream_that_breaks_at_once_has_not_begun(openai: OpenAI, mock: MockProvider) -> None:
    mock.does("truncated", events=0)
    error = await failure_of(openai, calls.call(stream=True))
    assert (error.failure, error.began) == (Failure.TRUNCATED, False)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_no_answer_in_time_is_a_timeout(openai: OpenAI, mock: MockProvider, stream: bool) -> None:
    mock.does("hang")
    error = await failure_of(openai, calls.call(stream=stream, timeout=0.2))
    assert (error.failure, error.began) == (Failure.TIMEOUT, False)


async def test_a_stream_whose_first_event_is_late_is_a_timeout(openai: OpenAI, mock: MockProvider) -> None:
    mock.does("slow_stream", delay=60)
    error = await failure_of(openai, calls.call(stream=True, timeout=0.3))
    assert (error.failure, error.began) == (Failure.TIMEOUT, False)


async def test_a_stream_that_falls_silent_is_a_timeout(mock: MockProvider) -> None:
    mock.does("truncated", events=2, delay=60)
    impatient = calls.connections(silence=0.3)
    error = await failure_of(OpenAI("openai", f"{mock.url}/v1", impatient), calls.call(stream=True))
    assert (error.failure, error.began) == (Failure.TIMEOUT, True)
    await impatient.close()


async def test_nobody_there_is_unreachable() -> None:
    host, port = loopback.own_address()
    connections = calls.connections()
    error = await failure_of(OpenAI("openai", f"http://{host}:{port}/v1", connections), calls.call())
    assert error.failure is Failure.UNREACHABLE
    assert host not in str(error)
    await connections.close()


async def test_a_caller_that_leaves_cuts_the_stream(openai: OpenAI, mock: MockProvider) -> None:
    mock.does("slow_stream", delay=0.05)
    stream = openai.stream(calls.call(stream=True))
    await anext(stream)
    await stream.aclose()
    await _until_cut(mock)


async def test_a_caller_that_is_cancelled_cuts_the_request(openai: OpenAI, mock: MockProvider) -> None:
    mock.does("hang")
    task = asyncio.create_task(openai.chat(calls.call()))
    while not await asyncio.to_thread(mock.seen):  # noqa: ASYNC110 (another process sees it)
        await asyncio.sleep(0.02)
    task.cancel()
    await _until_cut(mock)


async def test_a_slow_caller_slows_the_provider_down(openai: OpenAI, mock: MockProvider) -> None:
    said = "word " * 40
    messages = [{"role": "user", "content": said}]
    # Far more than all buffers on the way hold.
    mock.does("huge", events=2)
    stream = openai.stream(calls.call(messages, stream=True))
    await anext(stream)
    await asyncio.sleep(0.5)
    (before,) = await asyncio.to_thread(mock.seen)
    await asyncio.sleep(0.5)
    (after,) = await asyncio.to_thread(mock.seen)
    assert before["events"] == after["events"] < 1000
    await stream.aclose()


async def test_connections_are_used_again(mock: MockProvider) -> None:
    connections = calls.connections(connections=1)
    provider = OpenAI("openai", f"{mock.url}/v1", connections)
    for stream in (True, False, True, True):
        if stream:
            await chunks(provider, calls.call(stream=True))
        else:
            await provider.chat(calls.call())
    assert len({seen["peer"] for seen in mock.seen()}) == 1
    await connections.close()


async def test_a_key_in_a_refusal_is_not_told(openai: OpenAI, mock: MockProvider) -> None:
    messages = [{"role": "user", "content": "hello"}]
    mock.does("invalid_request", message=f"The key {SECRET} of sk-other-0123456789 is\r\nstrange")
    error = await failure_of(openai, calls.call(messages))
    assert "sk-other" not in error.detail
    assert "\n" not in error.detail
    assert "strange" in error.detail


async def test_embeddings_come_in_the_order_of_their_inputs(openai: OpenAI) -> None:
    found = await openai.embed(calls.embed_call(["a", "b"]))
    data = json.loads(found.body)["data"]
    assert [item["index"] for item in data] == [0, 1]
    assert found.usage.input > 0


async def test_json_mode_and_tools_reach_the_provider_as_they_came(
    openai: OpenAI, mock: MockProvider
) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    members = {"tools": [tool], "tool_choice": "required", "logit_bias": {"50256": -100}, "newer": {"a": 1.5}}
    answer = await openai.chat(calls.call(**members))
    (seen,) = mock.seen()
    assert {name: seen["body"][name] for name in members} == members
    called = json.loads(answer.body)["choices"][0]["message"]["tool_calls"][0]
    assert called["function"]["name"] == "f"


async def _until_cut(mock: MockProvider) -> None:
    async with asyncio.timeout(30):
        while not any(seen["cut"] for seen in await asyncio.to_thread(mock.seen)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
