"""Prompts before they are routed: templates, bounds, secrets, and conversations that are too long."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models_for_tests import model, router
from richesreach.ai_router.context.bounds import Bounds
from richesreach.ai_router.context.preparing import Preparing
from richesreach.ai_router.context.templates import OWN, Template, Templates
from richesreach.ai_router.context.trimming import trim
from richesreach.ai_router.routing.tokens import Counter
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.ai_router.wire.errors import RequestError
from richesreach.ai_router.wire.options import Template as Named

COUNTER = Counter()
GREETING = Template("greeting", 1, (("system", "You greet {{ name }}. {{ name }}!"),))
NEWER = Template("greeting", 2, (("system", "You greet {{name}} in {{ language }}."),))
TEMPLATES = Templates((GREETING, NEWER))


def chat(*messages: dict[str, Any], **members: Any) -> ChatRequest:
    return ChatRequest.of(messages, **members)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def sent(request: ChatRequest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(request.body_for("m"))["messages"]
    return found


# ----------------------------------------------------------------------------------------------- templates


def test_newest_version_is_taken_where_none_is_named() -> None:
    assert TEMPLATES.find(Named("greeting")).version == 2
    assert TEMPLATES.find(Named("greeting", 1)) is GREETING


@pytest.mark.parametrize(
    ("named", "text"),
    [
        (Named("farewell"), "There is no template farewell; templates: greeting."),
        (Named("greeting", 3), "There is no version 3 of the template greeting"),
    ],
)
def test_template_that_is_not_there_is_said_by_name(named: Named, text: str) -> None:
    with pytest.raises(RequestError, match=re.escape(text)):
        TEMPLATES.find(named)


def test_value_that_looks_like_a_template_is_put_in_as_it_is() -> None:
    (message,) = GREETING.render({"name": "{{ name }} {{ other }}"})

    assert message["content"] == "You greet {{ name }} {{ other }}. {{ name }} {{ other }}!"


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({}, "lacks the variables: name"),
        ({"name": "A", "age": 3}, "does not know the variables: age"),
        ({"name": ["A"]}, "must be text or a number"),
        ({"name": "A" * 2_000_001}, "has 2000001 characters"),
    ],
)
def test_variables_are_those_of_the_template(variables: dict[str, Any], text: str) -> None:
    with pytest.raises(RequestError, match=text):
        GREETING.render(variables)


def test_two_templates_with_one_version_are_refused() -> None:
    with pytest.raises(ValueError, match="two versions 1"):
        Templates((GREETING, GREETING))


def test_digest_changes_with_the_words_alone() -> None:
    assert GREETING.digest == Template("other", 9, GREETING.messages).digest != NEWER.digest


async def test_templates_messages_come_before_the_callers() -> None:
    preparing = Preparing(router(model("m")), COUNTER, templates=TEMPLATES)
    options = {"template": {"name": "greeting", "version": 1, "variables": {"name": "Ann"}}}

    prepared = await preparing.prepare(chat(user("hi"), richesreach=options))

    assert sent(prepared.request) == [{"role": "system", "content": "You greet Ann. Ann!"}, user("hi")]
    assert prepared.template is GREETING


def test_own_templates_can_be_rendered() -> None:
    for one in OWN.listed():
        assert one.render(dict.fromkeys(one.variables, "x"))


# ----------------------------------------------------------------------------------------------- bounds


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"messages": [user("a")] * 3}, "messages has 3 messages; 2 are allowed."),
        ({"n": 9}, "n has 9 choices; 8 are allowed."),
        ({"n": 0}, "n must be at least 1."),
        ({"max_tokens": -1}, "max_completion_tokens must be at least 1."),
        ({"stop": ["a"] * 17}, "stop has 17 stop sequences; 16 are allowed."),
    ],
)
def test_request_beyond_the_bounds_is_refused_with_the_numbers(members: dict[str, Any], text: str) -> None:
    request = ChatRequest.of(**({"messages": [user("a")]} | members))

    with pytest.raises(RequestError) as caught:
        Bounds(messages=2).check(request.given)

    assert caught.value.message == text


# ----------------------------------------------------------------------------------------------- trimming


def conversation(exchanges: int, *, tool: bool = False) -> list[dict[str, Any]]:
    """A system's word, then exchanges of some hundred tokens."""
    found: list[dict[str, Any]] = [{"role": "system", "content": "Be brief."}]
    for number in range(exchanges):
        found.append(user(f"question {number} " + "why " * 50))
        if tool:
            call = {"id": f"c{number}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            found.append({"role": "assistant", "content": None, "tool_calls": [call]})
            found.append({"role": "tool", "tool_call_id": f"c{number}", "content": "row " * 500})
        found.append({"role": "assistant", "content": f"answer {number} " + "so " * 50})
    return [*found, user("and now?")]


async def test_conversation_that_fits_is_not_touched() -> None:
    request = chat(*conversation(3))

    assert (await trim(request, 10_000, COUNTER)).request is request


async def test_results_of_tools_are_shortened_before_anything_is_dropped() -> None:
    request = chat(*conversation(4, tool=True))

    trimmed = await trim(request, COUNTER.size(request.given).tokens - 600, COUNTER)

    assert (trimmed.shortened, trimmed.dropped) == (2, 0)
    assert sent(trimmed.request)[3]["content"].endswith("[…shortened]")
    assert sent(trimmed.request)[11]["content"] == "row " * 500


async def test_oldest_exchanges_are_dropped_first_and_whole() -> None:
    trimmed = await trim(chat(*conversation(6, tool=True)), 800, COUNTER)
    messages = sent(trimmed.request)

    assert messages[0]["role"] == "system"
    kept = [
        message["content"].split()[1]
        for message in messages
        if message["content"] and "question" in message["content"]
    ]
    assert kept == [str(number) for number in range(6 - len(kept), 6)] != []
    assert messages[-1] == user("and now?")
    assert trimmed.dropped % 4 == 0 < trimmed.dropped


async def test_oldest_exchanges_are_summarised_where_somebody_does() -> None:
    told: list[str] = []

    async def summarise(text: str, _tokens: int) -> str:
        told.append(text)
        return "They asked why."

    trimmed = await trim(chat(*conversation(6)), 500, COUNTER, summarise)

    assert "question 0" in told[0]
    assert sent(trimmed.request)[1] == user("Summary of our conversation until here: They asked why.")
    assert trimmed.summarised > 0
    assert COUNTER.size(trimmed.request.given).tokens <= 500


@pytest.mark.parametrize("said", [None, "", "long " * 5_000])
async def test_summary_that_does_not_help_leaves_dropping(said: str | None) -> None:
    async def summarise(_text: str, _tokens: int) -> str | None:
        return said

    trimmed = await trim(chat(*conversation(6)), 500, COUNTER, summarise)

    assert (trimmed.summarised, trimmed.dropped > 0) == (0, True)
    assert COUNTER.size(trimmed.request.given).tokens <= 500


async def test_last_exchange_and_the_system_stay_where_they_alone_are_too_long() -> None:
    request = chat({"role": "system", "content": "Be brief."}, user("old"), user("word " * 2_000))

    trimmed = await trim(request, 100, COUNTER)

    assert [message["role"] for message in sent(trimmed.request)] == ["system", "user"]


@given(st.integers(0, 12), st.booleans(), st.integers(50, 4_000))
async def test_trimmed_conversation_fits_or_has_nothing_left_to_drop(
    exchanges: int, tool: bool, room: int
) -> None:
    request = chat(*conversation(exchanges, tool=tool))

    messages = sent((await trim(request, room, COUNTER)).request)

    fits = COUNTER.size(chat(*messages).given).tokens <= room
    assert fits or messages == [{"role": "system", "content": "Be brief."}, user("and now?")]
    called = {call["id"] for message in messages for call in message.get("tool_calls") or ()}
    assert called == {message["tool_call_id"] for message in messages if message["role"] == "tool"}


async def test_trimming_goes_by_the_widest_window_that_the_name_means() -> None:
    preparing = Preparing(router(model("small", context_tokens=2_000), model("wide")), COUNTER)
    long = [user("old " * 3_000), user("now?")]

    small = await preparing.prepare(chat(*long, model="small", richesreach={"trim": True}))
    any_model = await preparing.prepare(chat(*long, richesreach={"trim": True}))

    assert sent(small.request) == [user("now?")]
    assert sent(any_model.request) == long


async def test_request_that_asks_for_nothing_goes_on_as_it_came() -> None:
    request = chat(user("AKIA" + "IOSFODNN7EXAMPLE"))

    assert (await Preparing(router(model("m")), COUNTER).prepare(request)).request is request
