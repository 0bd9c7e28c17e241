"""The stand-in for the providers: it never passes for one, and goes wrong as it is told."""

import http.client
import json
import subprocess
import sys
from typing import Any

import pytest
from mock_provider import ROOT, MockProvider

OPENAI = ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "hello"}]})
ANTHROPIC = ("/v1/messages", {**OPENAI[1], "max_tokens": 50})
GOOGLE = (
    "/v1beta/models/m:generateContent",
    {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
)
BEDROCK = ("/model/m/converse", {"messages": [{"role": "user", "content": [{"text": "hello"}]}]})
SHAPES = pytest.mark.parametrize(
    ("path", "body"), [OPENAI, ANTHROPIC, GOOGLE, BEDROCK], ids=["openai", "anthropic", "google", "bedrock"]
)


def ask(mock: MockProvider, path: str, body: Any, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(mock.host, mock.port, timeout=30)
    connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    return answer, answer.read()


@SHAPES
def test_every_answer_says_that_it_is_a_mock(mock: MockProvider, path: str, body: Any) -> None:
    answer, text = ask(mock, path, body)
    assert (answer.status, answer.headers["x-mock-provider"]) == (200, "true")
    assert b"mock answer" in text


@SHAPES
def test_a_rule_lets_a_share_of_the_requests_fail(mock: MockProvider, path: str, body: Any) -> None:
    mock.does("rate_limited", times=1, retry_after=3)
    first, _ = ask(mock, path, body)
    second, _ = ask(mock, path, body)
    assert (first.status, first.headers["retry-after"], second.status) == (429, "3", 200)


def test_a_header_lets_one_request_fail(mock: MockProvider) -> None:
    answer, _ = ask(mock, *OPENAI, **{"x-mock-mode": "server_error"})
    assert answer.status == 500


def test_a_stream_breaks_off_where_it_was_told(mock: MockProvider) -> None:
    mock.does("truncated", events=2)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(mock, OPENAI[0], {**OPENAI[1], "stream": True})
    assert caught.value.partial.count(b"data: ") == 2


def test_json_is_made_as_its_schema_says(mock: MockProvider) -> None:
    schema = {
        "type": "object",
        "properties": {"trend": {"enum": ["up", "down"]}, "risk": {"type": "number", "minimum": 1}},
    }
    form = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    _, text = ask(mock, OPENAI[0], {**OPENAI[1], "response_format": form})
    content = json.loads(text)["choices"][0]["message"]["content"]
    assert json.loads(content) == {"trend": "up", "risk": 1}


def test_no_key_is_kept_but_its_end(mock: MockProvider) -> None:
    ask(mock, *OPENAI, authorization="Bearer sk-secret-abcd")
    (seen,) = mock.seen()
    assert seen["key"] == "abcd"
    assert "sk-secret" not in json.dumps(seen)


def test_a_mode_that_does_not_exist_is_refused(mock: MockProvider) -> None:
    with pytest.raises(OSError, match="400"):
        mock.does("confused")


def test_it_serves_no_address_that_others_reach() -> None:
    command = [sys.executable, "-m", "ops.local.model_provider", "--host", "192.0.2.1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "loopback" in done.stderr
