"""The AI router through the edge: unmodified clients, the platform's own tasks, and who is let in."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ops import identity
from ops.local import paths, state
from stacks.environment import Environment
from tests.acceptance.client import Edge

PROBE = Path(__file__).parents[1] / "services" / "openai_probe.py"
CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say something about the market."}]}
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")


@pytest.fixture(scope="module")
def tokens(environment: Environment) -> dict[str, str]:
    return identity.tokens(environment)


@pytest.fixture(scope="module")
def key(edge: Edge, tokens: dict[str, str]) -> str:
    return identity.api_key(edge.url, tokens["trader"])


@pytest.fixture(scope="module")
def asked(edge: Edge, key: str) -> dict[str, Any]:
    """What the official SDK got, every way it was asked."""
    done = subprocess.run(
        [str(paths.SERVICES_PYTHON), str(PROBE), edge.url, key],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_sdk_gets_an_answer_that_says_that_a_mock_gave_it(asked: dict[str, Any]) -> None:
    assert "mock" in asked["sync"].lower()
    assert asked["tokens"] > 0


def test_sdk_reads_a_stream_event_by_event(asked: dict[str, Any]) -> None:
    assert "mock" in asked["stream"].lower()
    assert asked["events"] > 2


def test_asynchronous_sdk_gets_the_same(asked: dict[str, Any]) -> None:
    assert "mock" in asked["async"]["whole"].lower()
    assert "mock" in asked["async"]["stream"].lower()


def test_tools_come_through_unharmed(asked: dict[str, Any]) -> None:
    assert asked["tool"]["name"] == "quote"
    assert list(asked["tool"]["arguments"]) == ["symbol"]


def test_sdk_lists_models_and_embeds(asked: dict[str, Any]) -> None:
    assert {"auto", "gpt-4o-mini"} <= set(asked["models"])
    assert asked["embeddings"] == 2


def test_error_is_one_that_the_sdk_knows(asked: dict[str, Any]) -> None:
    assert (asked["unknown_model"]["kind"], asked["unknown_model"]["status"]) == ("NotFoundError", 404)


def curl(edge: Edge, path: str, body: dict[str, Any], *words: str) -> tuple[int, str]:
    """Status and body."""
    command = ["curl", "-sS", "-N", "-w", "\n%{http_code}", "-H", "content-type: application/json", *words]
    done = subprocess.run(
        [*command, "-d", json.dumps(body), edge.url + path], capture_output=True, text=True, check=True
    )
    text, _, status = done.stdout.rpartition("\n")
    return int(status), text


def test_curl_gets_an_answer_and_a_stream(edge: Edge, key: str) -> None:
    bearer = ("-H", f"authorization: Bearer {key}")
    status, text = curl(edge, "/v1/chat/completions", CHAT, *bearer)
    assert (status, json.loads(text)["object"]) == (200, "chat.completion")
    status, text = curl(edge, "/v1/chat/completions", {**CHAT, "stream": True}, *bearer)
    assert status == 200
    assert text.rstrip().endswith("data: [DONE]")


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/ai/route", "/ai/optimize/portfolio", "/ai/sentiment/news"]
)
def test_nobody_is_let_in(path: str, edge: Edge) -> None:
    assert edge.post(path, CHAT).status == 401


def test_administrators_alone_see_every_budget(edge: Edge, tokens: dict[str, str]) -> None:
    assert edge.get("/ai/budgets", token=tokens["admin"]).status == 200
    assert edge.get("/ai/budgets", token=tokens["trader"]).status == 403


def test_decision_is_explained(edge: Edge, tokens: dict[str, str]) -> None:
    body = {"prompt": "Is the sky blue?", "richesreach": {"explain": True}}
    answer = edge.post("/ai/route", body, token=tokens["trader"])
    assert answer.status == 200
    assert answer.document["decision"]


@pytest.mark.parametrize(("place", "region"), [("New York", REGIONS[0]), ("Frankfurt", REGIONS[1])])
def test_providers_are_enabled_in_every_region_by_its_copy_of_the_secret(
    place: str, region: str, edge: Edge
) -> None:
    answer = edge.get("/ai/health", place)
    assert (answer.status, answer.region) == (200, region)
    statuses = {name: found["status"] for name, found in answer.document["providers"].items()}
    assert {statuses[name] for name in ("openai", "anthropic", "google")} == {"ok"}
    assert statuses["bedrock"] == "disabled"


def test_portfolio_is_optimised_and_a_conflict_is_named(edge: Edge, tokens: dict[str, str]) -> None:
    body: dict[str, Any] = {
        "assets": ["AAPL", "TLT"],
        "objective": "min_variance",
        "covariance": [[0.04, 0.0], [0.0, 0.01]],
    }
    answer = edge.post("/ai/optimize/portfolio", body, token=tokens["trader"])
    weights = {each["asset"]: each["weight"] for each in answer.document["holdings"]}
    assert weights == pytest.approx({"AAPL": 0.2, "TLT": 0.8}, abs=1e-4)
    refused = edge.post(
        "/ai/optimize/portfolio", {**body, "constraints": {"max_weight": 0.3}}, token=tokens["trader"]
    )
    assert refused.status == 422
    assert "max_weight: no weight is above 0.3" in refused.document["conflicts"]


def test_news_is_judged(edge: Edge, tokens: dict[str, str]) -> None:
    body = {"articles": [{"title": "Chipmaker lifts its forecast after record orders", "symbols": ["NVDA"]}]}
    answer = edge.post("/ai/sentiment/news", body, token=tokens["trader"])
    assert (answer.status, answer.document["articles"][0]["label"]) == (200, "positive")


def test_market_is_analysed_from_the_platforms_own_bars(edge: Edge, tokens: dict[str, str]) -> None:
    answer = edge.post("/ai/analyze/market", {"symbols": ["AAPL", "NOPE"]}, token=tokens["trader"])
    assert (answer.status, answer.document["unknown"]) == (200, ["NOPE"])
    (apple,) = answer.document["symbols"]
    assert (apple["symbol"], apple["sources"]) == ("AAPL", ["generated"])
    assert answer.document["summary"]


def test_mock_is_shown_among_the_processes() -> None:
    published = state.read(paths.STATE_FILE)
    (mock,) = [process for process in published.processes if process.kind == "models"]
    assert (mock.name, mock.status) == ("model-provider", "running")
