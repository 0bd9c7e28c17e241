"""A smoke test that passes whatever it is told would be worse than none: each wrong answer fails it.

That it passes on the platform itself is shown by tests/acceptance."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from moto import mock_aws
from rich.console import Console

from ops import smoke
from ops.errors import OperationError
from ops.smoke import Finding
from stacks.environment import Environment, load_environment
from stacks.naming import regional_origin

LOCAL, STAGING = load_environment("local"), load_environment("staging")
HOME, SECOND, _ = LOCAL.regions

Pages = dict[str, tuple[int, Any]]


@pytest.fixture
def pages() -> Pages:
    """What the viewers' side answers, by path; a test changes it."""
    return {
        "/health/detailed/": (200, {"status": "healthy", "dependencies": {"cache": {"status": "healthy"}}}),
        "/api/status/services": (200, {"services": {"database": {"status": "healthy"}}}),
    }


@pytest.fixture
def url(pages: Pages) -> Iterator[str]:
    """A server that answers from the region in which the viewer is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = pages.get(self.path, (404, {}))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(
                json.dumps({"region": self.headers.get("x-viewer-location", HOME)} | body).encode()
            )

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def failed(environment: Environment, url: str) -> list[Finding]:
    return [each for each in smoke.through_the_edge(environment, url) if not each.well]


def test_every_region_of_the_local_platform_is_asked(url: str) -> None:
    findings = list(smoke.through_the_edge(LOCAL, url))
    assert {each.where for each in findings} == {*LOCAL.regions, "edge"}
    assert all(each.well for each in findings)


@pytest.mark.parametrize(
    ("path", "answer", "seen"),
    [
        ("/health/detailed/", (503, {"status": "down"}), "down"),
        ("/health/detailed/", (200, {"status": "degraded"}), "degraded"),
        (
            "/health/detailed/",
            (200, {"status": "degraded", "dependencies": {"cache": {"status": "down"}}}),
            "cache",
        ),
        (
            "/health/detailed/",
            (200, {"status": "healthy", "dependencies": {"cache": {"status": "degraded"}}}),
            ": cache",
        ),
        ("/health/detailed/", (502, {}), "answered 502"),
        ("/api/status/services", (200, {"services": {}}), "answered 200"),
        ("/api/status/services", (200, {"services": {"database": {"status": "down"}}}), "database not"),
        ("/health/detailed/", (200, {"status": "degraded", "dependencies": {"cache": "down"}}), "cache"),
        ("/api/status/services", (200, {"services": {"database": None}}), "database not"),
        ("/api/status/services", (200, {"services": ["database"]}), "answered 200"),
    ],
)
def test_answer_that_is_not_whole_fails_and_says_why(
    pages: Pages, url: str, path: str, answer: tuple[int, Any], seen: str
) -> None:
    pages[path] = answer
    found = failed(LOCAL, url)
    assert {each.where for each in found} == set(LOCAL.regions)
    assert all(each.what == path and seen in each.seen for each in found)


def test_region_that_lets_another_answer_for_it_fails(pages: Pages, url: str) -> None:
    pages["/health/detailed/"] = (200, {"status": "healthy", "region": SECOND})
    assert {each.where for each in failed(LOCAL, url)} == {*LOCAL.regions} - {SECOND}


def test_service_without_its_key_is_no_failure(pages: Pages, url: str) -> None:
    pages["/api/status/services"] = (200, {"services": {"finnhub": {"status": "disabled"}}})
    assert failed(LOCAL, url) == []


def test_metrics_that_anybody_can_read_fail(pages: Pages, url: str) -> None:
    pages["/metrics/"] = (200, {})
    assert [each.what for each in failed(LOCAL, url)] == ["/metrics/ is closed"]


def test_edge_that_does_not_answer_fails_without_a_traceback() -> None:
    found = failed(STAGING, "http://127.0.0.1:9")
    assert len(found) == 4
    assert all("no answer" in each.seen for each in found)


def test_answer_that_is_no_http_fails_without_a_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=speak_otherwise, args=(listening,))
        thread.start()
        answer = smoke.get(f"http://127.0.0.1:{listening.getsockname()[1]}", "")
        thread.join()
    assert (answer.status, answer.body.strip()) == (0, "SSH-2.0-x")


def speak_otherwise(listening: socket.socket) -> None:
    """Answers one request as another protocol would."""
    connection, _ = listening.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"SSH-2.0-x\r\n")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Staging as its stacks made it: a health check in each region, the edge's domain published."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        route53 = boto3.client("route53")
        for region in STAGING.regions:
            name = regional_origin(region, STAGING.domain)
            route53.create_health_check(
                CallerReference=region,
                HealthCheckConfig={
                    "Type": "HTTPS",
                    "FullyQualifiedDomainName": name,
                    "ResourcePath": "/health",
                },
            )
        boto3.client("ssm", STAGING.dns_region).put_parameter(
            Name=STAGING.names.parameter("edge", "distribution-domain"), Value="d1.example", Type="String"
        )
        yield


def test_checkers_of_route_53_are_asked_about_each_region(aws: None) -> None:
    findings = list(smoke.outside_in(STAGING))
    assert {each.where for each in findings} == set(STAGING.regions)
    assert all(each.well and each.seen == "1 of 1 checkers are served" for each in findings)


def test_region_without_a_check_fails(aws: None) -> None:
    route53 = boto3.client("route53")
    route53.delete_health_check(HealthCheckId=route53.list_health_checks()["HealthChecks"][0]["Id"])
    (found,) = [each for each in smoke.outside_in(STAGING) if not each.well]
    assert found.seen == "there is none: is its ecs stack deployed?"


@pytest.mark.parametrize(("good", "well"), [(2, False), (3, True), (16, True)])
def test_region_is_healthy_to_the_share_of_checkers_that_route_53_asks_for(good: int, well: bool) -> None:
    reports = ["Success: HTTP Status Code 200, OK"] * good + ["Failure: connection timed out"] * (16 - good)
    assert smoke.served(HOME, reports).well is well


def test_viewers_come_in_at_the_sites_name(aws: None) -> None:
    assert smoke.address(STAGING) == f"https://{STAGING.domain}"


def test_edge_that_published_nothing_is_an_error_with_the_mend(aws: None) -> None:
    boto3.client("ssm", STAGING.dns_region).delete_parameter(
        Name=STAGING.names.parameter("edge", "distribution-domain")
    )
    with pytest.raises(OperationError, match=r"staging published no distribution-domain .*deploy it"):
        smoke.run(Console(), "staging", 0)
