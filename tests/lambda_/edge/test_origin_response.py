"""What viewers get of an origin's answer: problems instead of pages, and how long a copy may serve."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

SETTINGS = {
    "cached": [{"path": "/api/openapi.json", "ttl": 300}, {"path": "/market/static/*", "ttl": 86400}],
    "stale_while_revalidate": 60,
    "stale_if_error": 86400,
}


class Responder:
    def __init__(self, index: ModuleType) -> None:
        self.index = index

    def __call__(self, path: str = "/api/openapi.json", status: int = 200, **headers: str) -> dict[str, Any]:
        response = {
            "status": str(status),
            "statusDescription": "",
            "headers": {
                name.replace("_", "-"): [{"key": name, "value": value}] for name, value in headers.items()
            },
        }
        request = {"uri": path, "headers": {"x-request-id": [{"key": "x-request-id", "value": "request-1"}]}}
        event = {"Records": [{"cf": {"config": {}, "request": request, "response": response}}]}
        answered: dict[str, Any] = self.index.handler(event, None)
        return answered


@pytest.fixture
def respond(response_index: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Responder:
    monkeypatch.setattr(response_index, "configuration", lambda: SETTINGS)
    return Responder(response_index)


def value(response: dict[str, Any], name: str) -> str | None:
    found = response["headers"].get(name)
    return str(found[0]["value"]) if found else None


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_balancers_page_becomes_a_problem(status: int, respond: Responder) -> None:
    shaped = respond(status=status, content_type="text/html; charset=utf-8", content_length="122", etag="x")
    problem = json.loads(shaped["body"])
    assert (problem["status"], problem["request_id"]) == (status, "request-1")
    assert value(shaped, "content-type") == "application/problem+json"
    assert value(shaped, "cache-control") == "no-store"
    assert value(shaped, "x-request-id") == "request-1"
    assert not {"content-length", "etag"} & set(shaped["headers"])
    assert shaped["status"] == str(status)


def test_problem_of_a_service_stays_as_it_is(respond: Responder) -> None:
    shaped = respond(status=503, content_type="application/problem+json")
    assert "body" not in shaped
    assert value(shaped, "cache-control") is None


def test_page_that_a_service_made_itself_stays(respond: Responder) -> None:
    assert "body" not in respond(status=500, content_type="text/html", x_richesreach_region="eu-west-1")


def test_error_of_the_caller_stays(respond: Responder) -> None:
    assert "body" not in respond(status=404, content_type="text/html")


def test_cached_answer_without_directives_gets_all_of_them(respond: Responder) -> None:
    assert (
        value(respond(), "cache-control")
        == "public, max-age=300, stale-while-revalidate=60, stale-if-error=86400"
    )


def test_lifetime_that_the_service_gives_is_kept(respond: Responder) -> None:
    assert (
        value(respond(cache_control="max-age=30"), "cache-control")
        == "max-age=30, stale-while-revalidate=60, stale-if-error=86400"
    )


def test_directive_that_the_service_gives_is_not_doubled(respond: Responder) -> None:
    given = "public, max-age=30, stale-while-revalidate=5, stale-if-error=7"
    assert value(respond(cache_control=given), "cache-control") == given


@pytest.mark.parametrize("directive", ["no-store", "private", "no-cache", "Private, max-age=60"])
def test_answer_that_is_not_for_everybody_is_left_alone(directive: str, respond: Responder) -> None:
    assert value(respond(cache_control=directive), "cache-control") == directive


def test_answer_that_sets_a_cookie_is_left_alone(respond: Responder) -> None:
    assert value(respond(set_cookie="a=b"), "cache-control") is None


def test_path_that_is_not_cached_is_left_alone(respond: Responder) -> None:
    assert value(respond("/api/topology/beacons/1"), "cache-control") is None


def test_lifetime_follows_the_paths_own_entry(respond: Responder) -> None:
    assert "max-age=86400" in (value(respond("/market/static/a.json"), "cache-control") or "")


@pytest.mark.parametrize("status", [201, 204, 301, 304, 404])
def test_only_a_full_answer_is_kept_longer(status: int, respond: Responder) -> None:
    assert value(respond(status=status), "cache-control") is None
