"""The deployed distribution on the local edge: what is refused, what stays fresh, and what the edge tells."""

from __future__ import annotations

import json

import pytest

from ops import identity
from ops.local import paths
from stacks.environment import Environment
from tests.acceptance.client import Edge, eventually, richesreach


def test_an_answer_of_the_api_is_never_served_to_another_viewer_from_the_cache(edge: Edge) -> None:
    answers = [edge.get("/api/status/services") for _ in range(3)]
    assert {answer.status for answer in answers} == {200}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


@pytest.mark.parametrize("path", ["/metrics/", "/metrics", "/internal/x", "/%6detrics"])
def test_what_is_internal_is_not_reachable(edge: Edge, path: str) -> None:
    answer = edge.get(path)
    assert answer.status in {403, 404}
    assert not answer.headers["x-cache"].startswith(("Hit", "Miss"))


def test_an_error_of_the_api_is_not_kept(edge: Edge) -> None:
    missing = "/api/topology/beacons/00000000-0000-0000-0000-000000000000"
    first, second = edge.get(missing), edge.get(missing)
    assert (first.status, second.status) == (404, 404)
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


def test_what_is_public_and_the_same_for_everybody_is_served_from_the_cache(edge: Edge) -> None:
    edge.get("/api/openapi.json")
    again = edge.get("/api/openapi.json")
    assert (again.status, again.headers["x-cache"]) == (200, "Hit from cloudfront")
    assert int(again.headers["age"]) >= 0


@pytest.mark.parametrize("token", [None, "no.token.atall"])
def test_protected_path_is_refused_at_the_edge_without_a_valid_token(edge: Edge, token: str | None) -> None:
    answer = edge.get("/api/admin/anything", token=token)
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "x-richesreach-region" not in answer.headers, "a service answered"


def test_token_of_another_role_is_refused_at_the_edge_and_the_right_one_passes(
    edge: Edge, environment: Environment
) -> None:
    tokens = identity.tokens(environment)
    refused = edge.get("/api/admin/anything", token=tokens["viewer"])
    assert refused.status == 403
    assert "x-richesreach-region" not in refused.headers
    passed = edge.get("/api/admin/anything", token=tokens["admin"])
    assert passed.status == 404, "the gateway has nothing there yet"
    assert passed.region


def test_load_balancer_answers_nobody_who_did_not_come_through_the_edge() -> None:
    balancers = json.loads(paths.LOAD_BALANCERS_FILE.read_text()).values()
    assert len(balancers) == 3
    for each in balancers:
        direct = Edge(f"http://{each['address']}:{each['port']}")
        assert direct.get("/api/status/services").status == 403
        assert direct.get("/health").status == 200


def test_the_edge_tells_what_it_did(edge: Edge) -> None:
    edge.get("/health")

    def told() -> dict[str, object]:
        return dict(json.loads(paths.EDGE_FILE.read_text())) if paths.EDGE_FILE.exists() else {}

    facts = eventually(told, "run/edge.json", 10)
    assert {"requests", "hit_ratio", "drained", "firewall"} <= set(facts)
    assert "edge: " in richesreach("status").stdout
