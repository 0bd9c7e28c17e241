"""Secrets in prompts are replaced by what they were, and nothing else is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from richesreach.ai_router.context.redaction import redact
from richesreach.ai_router.routing.tokens import Counter
from richesreach.ai_router.wire.chat import ChatRequest

COUNTER = Counter()


def chat(*messages: dict[str, Any], **members: Any) -> ChatRequest:
    return ChatRequest.of(messages, **members)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def sent(request: ChatRequest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(request.body_for("m"))["messages"]
    return found


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
