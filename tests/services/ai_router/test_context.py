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
from richesreach.ai_router.context.redaction import redact
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


# ----------------------------------------------------------------------------------------------- redaction

SECRETS = {
    "aws-access-key": "AKIA" + "IOSFODNN7EXAMPLE",
    "openai-key": "sk-" + "proj-abcDEF0123456789abcDEF",
    "anthropic-key": "sk-ant-" + "api03-abcDEF0123456789abc",
    "google-key": "AIza" + "SyA0123456789abcdefghijklmnopqrstuv",
    "github-token": "ghp_" + "a" * 36,
    "slack-token": "xoxb-" + "123456789012-abcdef",
    "stripe-key": "sk_live_" + "a" * 24,
    "richesreach-key": "rr_" + "abcdefghijklmnop0123",
    "signed-token": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0In0." + "c" * 43,
    "private-key": "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    "card-number": "4111 1111 1111 1111",
    "iban": "GB82 WEST 1234 5698 7654 32",
}


@pytest.mark.parametrize("kind", SECRETS)
def test_secret_is_replaced_by_what_it_was(kind: str) -> None:
    request, found = redact(chat(user(f"Use {SECRETS[kind]}, please")))

    assert sent(request) == [user(f"Use [redacted:{kind}], please")]
    assert found == {kind: 1}


@pytest.mark.parametrize(
    "text",
    [
        "Order 4111 1111 1111 1112 of 2024-01-31",
        "3.14159265358979323846",
        "risk-adjusted sk-learn AKIAshort",
        "GB82 WEST 1234 5698 7654 33",
        "AAPL 189.98 MSFT 402.12 1,234,567,890,123",
    ],
)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    request = chat(user(text))

    assert redact(request)[0] is request


def test_secrets_in_parts_and_tool_calls_are_found_and_images_are_not_touched() -> None:
    secret = SECRETS["aws-access-key"]
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{secret}"}}
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "f", "arguments": json.dumps({"key": secret})},
    }
    request, found = redact(
        chat(
            {"role": "user", "content": [{"type": "text", "text": secret}, image]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
        )
    )

    assert found == {"aws-access-key": 2}
    assert sent(request)[0]["content"][1] == image
    assert json.loads(sent(request)[1]["tool_calls"][0]["function"]["arguments"]) == {
        "key": "[redacted:aws-access-key]"
    }


@given(st.text(), st.sampled_from(sorted(SECRETS)), st.text())
def test_secret_is_gone_whatever_stands_around_it(before: str, kind: str, after: str) -> None:
    request, _ = redact(chat(user(f"{before}\n{SECRETS[kind]}\n{after}")))

    assert SECRETS[kind] not in sent(request)[0]["content"]


@pytest.mark.parametrize(
    "piece",
    [
        "-----BEGIN PRIVATE KEY-----",
        "eyJaaaaaaaa-",
        "1 1 1 1 1 1 1 1 1 1 1 1 1.",
        "sk-ant-aaaa",
        "GB82WEST",
        "1",
    ],
)
@pytest.mark.timeout(60)
def test_hostile_text_takes_no_longer_than_its_length(piece: str) -> None:
    redact(chat(user(piece * (1_000_000 // len(piece)))))


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
    assert messages[1]["content"].startswith("question ")
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
    request = chat(user(SECRETS["aws-access-key"]))

    assert (await Preparing(router(model("m")), COUNTER).prepare(request)).request is request
