"""A viewer's request, through the deployed distribution to a region's service and its stores."""

from __future__ import annotations

import pytest

from stacks.environment import Environment
from tests.acceptance.client import Edge, eventually, richesreach

HOME, IRELAND, SINGAPORE = "us-east-1", "eu-west-1", "ap-southeast-1"

#: How long a drain may take to reach a viewer.
DRAIN_SECONDS = 10


@pytest.mark.parametrize("path", ["/health/detailed/", "/health/detailed"])
def test_detailed_health_is_healthy_with_its_stores(edge: Edge, path: str) -> None:
    answer = edge.get(path)
    assert answer.status == 200
    assert answer.document["status"] == "healthy"
    assert answer.document["region"] == HOME
    for store in ("database", "cache", "global_cache"):
        assert answer.document["dependencies"][store]["status"] == "healthy"


def test_service_status_names_region_and_stores(edge: Edge) -> None:
    answer = edge.get("/api/status/services")
    assert answer.status == 200
    assert answer.document["region"] == HOME
    assert answer.document["services"]["database"]["status"] == "healthy"
    assert answer.document["services"]["cache"]["status"] == "healthy"


@pytest.mark.parametrize(
    ("place", "region"),
    [
        ("Frankfurt", IRELAND),
        ("Singapore", SINGAPORE),
        ("New York", HOME),
        ("FRA", IRELAND),
        ("ap-northeast-1", SINGAPORE),
    ],
)
def test_viewer_is_served_by_the_nearest_region(edge: Edge, place: str, region: str) -> None:
    answer = edge.get("/api/status/services", place)
    assert (answer.status, answer.region) == (200, region)
    assert answer.document["region"] == region


def test_unknown_place_is_refused_with_the_known_ones(edge: Edge) -> None:
    answer = edge.get("/health", "Atlantis")
    assert answer.status == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert b"Frankfurt" in answer.body


@pytest.mark.parametrize(
    "path", ["/metrics", "/metrics/", "//metrics/", "/%6detrics/", "/api/../metrics/", "/internal/x"]
)
def test_what_is_internal_is_not_reachable_through_the_edge(edge: Edge, path: str) -> None:
    answer = edge.get(path)
    assert answer.status == 404
    assert answer.headers["x-cache"].startswith("FunctionGeneratedResponse")


def test_smoke_test_of_a_deployment_finds_every_region_serving(environment: Environment) -> None:
    done = richesreach("smoke", "--env", "local", "--wait", "30")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f" {region} " in done.stdout for region in environment.regions)


def test_openapi_document_describes_the_gateway(edge: Edge) -> None:
    document = edge.get("/api/openapi.json").document
    assert document["openapi"].startswith("3.")
    assert "/api/status/services" in document["paths"]


def test_unknown_path_is_a_problem_document(edge: Edge) -> None:
    answer = edge.get("/nothing/here")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_drain_flag_moves_a_regions_viewers_and_its_removal_brings_them_back(edge: Edge) -> None:
    assert edge.get("/health", "Frankfurt").region == IRELAND
    try:
        assert richesreach("drain", IRELAND).returncode == 0
        eventually(
            lambda: edge.get("/health", "Frankfurt").region != IRELAND, "eu-west-1 drained", DRAIN_SECONDS
        )
        written = edge.post("/api/topology/beacons", {"message": "drained"}, "Frankfurt")
        assert (written.status, written.region != IRELAND) == (201, True)
    finally:
        assert richesreach("undrain", IRELAND).returncode == 0
    eventually(lambda: edge.get("/health", "Frankfurt").region == IRELAND, "eu-west-1 back", DRAIN_SECONDS)


def test_last_serving_region_cannot_be_drained(environment: Environment) -> None:
    regions = list(environment.regions)
    try:
        for region in regions[:-1]:
            assert richesreach("drain", region).returncode == 0
        refused = richesreach("drain", regions[-1])
        assert refused.returncode == 2
        assert "last region" in refused.stderr
    finally:
        for region in regions:
            richesreach("undrain", region)
