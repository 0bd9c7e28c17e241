"""Templates, redaction and trimming as a caller asks for them, seen from the provider's side."""

from typing import Any

import httpx
from mock_provider import MockProvider

KEY = "AKIA" + "IOSFODNN7EXAMPLE"
LONG = [
    {"role": "system", "content": "Be brief."},
    *({"role": "user", "content": f"question {number}: " + "why " * 4_000} for number in range(40)),
    {"role": "user", "content": "and now?"},
]


async def asked(client: httpx.AsyncClient, messages: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    body = {"model": "gpt-4o-mini", "messages": messages, "richesreach": {"explain": True, **options}}
    answer = await client.post("/ai/route", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["decision"]
    return found


async def test_provider_never_sees_a_secret_that_is_to_be_redacted(
    ask: httpx.AsyncClient, mock: MockProvider
) -> None:
    told = await asked(ask, [{"role": "user", "content": f"my key is {KEY}"}], redact=True)

    assert KEY not in str(mock.seen())
    assert mock.seen()[0]["body"]["messages"][0]["content"] == "my key is [redacted:aws-access-key]"
    assert told["context"]["redacted"] == {"aws-access-key": 1}


async def test_template_goes_before_the_callers_words_and_its_version_is_told(
    ask: httpx.AsyncClient, mock: MockProvider
) -> None:
    template = {"name": "news-digest", "variables": {"audience": "bond traders"}}

    told = await asked(ask, [{"role": "user", "content": "Fed holds."}], template=template)

    messages = mock.seen()[0]["body"]["messages"]
    assert [message["role"] for message in messages] == ["system", "user"]
    assert "bond traders" in messages[0]["content"]
    assert told["context"]["template"]["version"] == 1


async def test_long_conversation_is_summarised_by_a_model_and_answered(
    ask: httpx.AsyncClient, mock: MockProvider
) -> None:
    told = await asked(ask, LONG, trim=True)

    summary, answered = mock.seen()
    assert "question 0" in str(summary["body"])
    assert "Summary of our conversation until here: This is a mock answer" in str(answered["body"])
    assert told["context"]["trimmed"]["messages_summarised"] > 0


async def test_long_conversation_whose_summary_fails_is_shortened_all_the_same(
    ask: httpx.AsyncClient, mock: MockProvider
) -> None:
    mock.rules({"mode": "filtered", "times": 1})

    told = await asked(ask, LONG, trim=True)

    assert told["context"]["trimmed"]["messages_dropped"] > 0
    assert told["context"]["trimmed"]["messages_summarised"] == 0


async def test_long_conversation_that_is_not_to_be_trimmed_is_refused_with_the_counts(
    ask: httpx.AsyncClient,
) -> None:
    options = {"fallbacks": False}
    body = {"model": "gpt-4o-mini", "messages": LONG, "richesreach": options}

    answer = await ask.post("/v1/chat/completions", json=body)

    assert answer.status_code == 413
    assert "it takes 128000 tokens; the prompt has 16" in answer.json()["error"]["message"]


async def test_template_that_is_not_there_is_a_400_in_openais_shape(ask: httpx.AsyncClient) -> None:
    options = {"template": {"name": "nothing"}}
    body = {"messages": [{"role": "user", "content": "hi"}], "model": "auto", "richesreach": options}

    answer = await ask.post("/v1/chat/completions", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "richesreach.template"
