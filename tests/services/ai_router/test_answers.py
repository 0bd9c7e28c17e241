"""Kept answers: which requests are the same, whose answers they are, and streams made of them."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from cache_servers import CachePair, CacheServer
from hypothesis import given
from hypothesis import strategies as st
from loopback import own_address
from money_stores import nodes_of
from richesreach.ai_router.answers.canonical import canonical
from richesreach.ai_router.answers.model import Keeping, Match, Stored
from richesreach.ai_router.answers.store import MOST_NEAR, Answers
from richesreach.ai_router.answers.streams import Assembly, replay
from richesreach.ai_router.model import Usage
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.core.cache import Nodes

ANSWER = Stored(b'{"choices":[]}', "gpt-4o-mini", "openai", 10, 5, 7, 1_767_225_600.0)


def asking(text: str = "What is a bond?", **members: Any) -> ChatRequest:
    return ChatRequest.of([{"role": "user", "content": text}], **{"temperature": 0, **members})


@pytest.fixture
async def nodes(caches: CachePair) -> AsyncIterator[Nodes]:
    found = nodes_of(caches.primary)
    yield found
    await found.close()


async def test_the_same_request_of_the_same_tenant_is_answered_again(nodes: Nodes, org: str) -> None:
    answers = Answers(nodes)
    assert await answers.find(org, asking()) is None
    await answers.keep(org, asking(), ANSWER)
    assert await answers.find(org, asking()) == ANSWER
    assert await answers.find(f"{org}-other", asking()) is None


async def test_how_an_answer_is_delivered_does_not_tell_requests_apart(nodes: Nodes, org: str) -> None:
    answers = Answers(nodes)
    await answers.keep(org, asking(), ANSWER)
    assert await answers.find(org, asking(stream=True, user="somebody", metadata={"a": "b"})) == ANSWER


@pytest.mark.parametrize(
    "other",
    [
        asking("What is a stock?"),
        asking(max_tokens=5),
        asking(model="gpt-4o"),
        asking(tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]),
        asking(response_format={"type": "json_object"}),
        asking(richesreach={"strategy": "cheapest"}),
        asking(a_member_of_tomorrow=1),
    ],
)
async def test_whatever_an_answer_depends_on_tells_requests_apart(
    nodes: Nodes, org: str, other: ChatRequest
) -> None:
    answers = Answers(nodes)
    await answers.keep(org, asking(), ANSWER)
    assert await answers.find(org, other) is None


@given(st.permutations(["model", "messages", "temperature", "top_p"]), st.sampled_from(["", " ", "\n\t"]))
def test_order_and_spaces_do_not_tell_requests_apart(order: list[str], space: str) -> None:
    values = {
        "model": '"auto"',
        "messages": f'[{{{space}"content":"x"{space},"role":"user"}}]',
        "temperature": "0",
        "top_p": "0.5",
    }
    body = "{" + ",".join(f'"{name}":{space}{values[name]}' for name in order) + "}"
    plain = '{"model":"auto","messages":[{"role":"user","content":"x"}],"temperature":0,"top_p":0.5}'
    assert canonical(ChatRequest.read(body.encode())) == canonical(ChatRequest.read(plain.encode()))


async def test_sampled_answers_are_kept_only_where_all_are(nodes: Nodes, org: str) -> None:
    sampled = asking(temperature=0.7)
    for keeping, found in ((Keeping.NONE, None), (Keeping.DETERMINISTIC, None), (Keeping.ALL, ANSWER)):
        answers = Answers(nodes, keeping=keeping)
        await answers.keep(org, sampled, ANSWER)
        assert await answers.find(org, sampled) == found
    seeded = asking(temperature=0.7, seed=3)
    await Answers(nodes).keep(org, seeded, ANSWER)
    assert await Answers(nodes).find(org, seeded) == ANSWER


async def test_a_caller_may_bypass_what_is_kept_or_refresh_it(nodes: Nodes, org: str) -> None:
    answers = Answers(nodes)
    bypass, refresh = (asking(richesreach={"cache": how}) for how in ("bypass", "refresh"))
    await answers.keep(org, bypass, ANSWER)
    assert await answers.find(org, asking()) is None
    await answers.keep(org, refresh, ANSWER)
    assert await answers.find(org, refresh) is None
    assert await answers.find(org, asking()) == ANSWER


async def test_answers_run_out(nodes: Nodes, org: str) -> None:
    await Answers(nodes, ttl=100).keep(org, asking(), ANSWER)
    [key] = await nodes.write_directly(lambda wire: wire.call("KEYS", f"ai:answers:{{{org}}}:*"))
    left = await nodes.write_directly(lambda wire: wire.call("PTTL", key))
    assert 0 < left <= 100_000


async def test_without_a_cache_every_request_is_a_miss_and_none_fails(org: str) -> None:
    nodes = nodes_of(CacheServer(*own_address()))
    await Answers(nodes).keep(org, asking(), ANSWER)
    assert await Answers(nodes, semantic=True).find(org, asking()) is None
    await nodes.close()


async def test_a_value_of_another_version_is_a_miss(nodes: Nodes, org: str) -> None:
    answers = Answers(nodes)
    await answers.keep(org, asking(), ANSWER)
    for key in await nodes.write_directly(lambda wire: wire.call("KEYS", f"ai:answers:{{{org}}}:*")):
        await nodes.write_directly(lambda wire, key=key: wire.call("SET", key, b"\x93older"))
    assert await answers.find(org, asking()) is None


async def test_almost_the_same_question_is_answered_alike_where_that_is_wanted(
    nodes: Nodes, org: str
) -> None:
    asked, again = asking("What is a callable bond?"), asking("Please tell me what a callable bond is")
    for semantic, found in ((False, None), (True, Match.SEMANTIC)):
        answers = Answers(nodes, semantic=semantic)
        await answers.keep(org, asked, ANSWER)
        near = await answers.find(org, again)
        assert (near and near.match) == found


@pytest.mark.parametrize(
    "other",
    [
        asking("What is a callable bond of 2025?"),
        asking("What is a callable bond not?"),
        asking("What is a callable bond?", max_tokens=5),
        ChatRequest.of(
            [
                {"role": "system", "content": "Be brief"},
                {"role": "user", "content": "What is a callable bond?"},
            ],
            temperature=0,
        ),
    ],
)
async def test_a_number_a_negation_or_another_frame_is_never_almost_the_same(
    nodes: Nodes, org: str, other: ChatRequest
) -> None:
    answers = Answers(nodes, semantic=True, similarity=0.1)
    await answers.keep(org, asking("What is a callable bond?"), ANSWER)
    assert await answers.find(org, other) is None


async def test_only_the_newest_questions_are_compared(nodes: Nodes, org: str) -> None:
    answers = Answers(nodes, semantic=True)
    words = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(MOST_NEAR + 3)]
    for word in words:
        await answers.keep(org, asking(f"meaning {word} {word} {word} {word}"), ANSWER)
    keys = await nodes.write_directly(lambda wire: wire.call("KEYS", f"ai:answers:{{{org}}}:near:*"))
    lengths = [await nodes.write_directly(lambda wire, key=key: wire.call("HLEN", key)) for key in keys]
    assert max(lengths) == MOST_NEAR


WHOLE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "A bond is  a loan,\nwith coupons. It is paid back."},
            "finish_reason": "stop",
        },
        {
            "index": 1,
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "price", "arguments": '{"s":"X"}'}},
                    {"id": "b", "type": "function", "function": {"name": "price", "arguments": '{"s":"Y"}'}},
                ],
            },
            "finish_reason": "tool_calls",
        },
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12},
}


def through(events: list[bytes]) -> Any:
    assembly = Assembly()
    for event in events:
        assembly.add(event)
    body = assembly.body(Usage(3, 9))
    return None if body is None else msgspec.json.decode(body)


@pytest.mark.parametrize("usage", [True, False])
def test_an_answer_replayed_as_a_stream_makes_the_same_answer(usage: bool) -> None:
    events = list(replay(msgspec.json.encode(WHOLE), usage=usage))
    assert len(events) >= 8
    assert all(event.startswith(b"data: {") and event.endswith(b"}\n\n") for event in events)
    assert through(events) == WHOLE


def test_tool_calls_in_pieces_are_put_together() -> None:
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "tool_calls": [{"index": 0, "id": "a", "type": "function"}]},
        {"tool_calls": [{"index": 0, "function": {"name": "price", "arguments": '{"s"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ':"X"}'}}]},
    ]
    events = [
        b"data: " + msgspec.json.encode({"choices": [{"index": 0, "delta": delta}]}) + b"\n\n"
        for delta in deltas
    ]
    events.append(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\n')
    [call] = through(events)["choices"][0]["message"]["tool_calls"]
    assert call == {"id": "a", "type": "function", "function": {"name": "price", "arguments": '{"s":"X"}'}}


@pytest.mark.parametrize(
    "events",
    [
        list(replay(msgspec.json.encode(WHOLE), usage=False))[:-1],
        [b'data: {"error":{"message":"no"}}\n\n'],
        [b"data: {half\n\n"],
        [b'data: {"choices":[3]}\n\n'],
        [b"x" * 2_000_000],
        [],
    ],
)
def test_a_stream_that_did_not_end_well_is_not_kept(events: list[bytes]) -> None:
    assert through(events) is None
