"""The deployed distribution on the local edge: what is refused, what stays fresh, and what the edge tells."""

from __future__ import annotations

import json

import pytest

from ops.local import paths
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


def test_the_edge_tells_what_it_did(edge: Edge) -> None:
    edge.get("/health")

    def told() -> dict[str, object]:
        return dict(json.loads(paths.EDGE_FILE.read_text())) if paths.EDGE_FILE.exists() else {}

    facts = eventually(told, "run/edge.json", 10)
    assert {"requests", "hit_ratio", "drained", "firewall"} <= set(facts)
    assert "edge: " in richesreach("status").stdout
