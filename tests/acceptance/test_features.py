"""Features through the edge: what they are, who may read them, and rows that a service pushes."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from ops import identity
from stacks.environment import Environment
from tests.acceptance.client import Edge


@pytest.fixture(scope="module")
def tokens(environment: Environment) -> dict[str, str]:
    return identity.tokens(environment)


def ask(edge: Edge, path: str, token: str | None, body: object = None) -> tuple[int, Any]:
    """Status and document."""
    headers = {"content-type": "application/json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    sent = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{edge.url}{path}", sent, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_six_views_are_told_to_whoever_asks(edge: Edge) -> None:
    status, told = ask(edge, "/features/views", None)
    assert (status, len(told["views"])) == (200, 6)


def test_values_are_for_those_who_say_who_they_are(edge: Edge, tokens: dict[str, str]) -> None:
    path = "/features/online?entities=NOBODY&features=price"
    assert ask(edge, path, None)[0] == 401
    status, told = ask(edge, path, tokens["viewer"])
    assert (status, told["rows"], told["unknown"]) == (200, [], ["NOBODY"])


def test_what_is_pushed_is_read_online_and_as_of_its_time(edge: Edge, tokens: dict[str, str]) -> None:
    seconds = int(time.time())
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + ".000000007Z"
    row = {"entity": "ACCEPT", "event_time": at, "values": {"news_sentiment": -0.25}}
    path = "/features/views/sentiment_features/rows"
    assert ask(edge, path, tokens["viewer"], {"rows": [row]})[0] == 403
    assert ask(edge, path, tokens["admin"], {"rows": [row]})[0] == 200
    asked = {"features": ["news_sentiment"], "rows": [{"entity": "ACCEPT", "at": at}]}
    deadline = time.monotonic() + 60
    while True:
        status, told = ask(edge, "/features/historical", tokens["viewer"], asked)
        # The region that answers may read a replica that has not replayed the row yet.
        if (status, told["rows"][0]["values"]) == (200, [-0.25]) or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert told["rows"] == [{"entity": "ACCEPT", "at": at, "event_time": at, "values": [-0.25]}]
