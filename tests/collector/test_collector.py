"""OpenTelemetry's own collector reads the configuration that tasks get, and does with it what is meant."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest

from stacks.environment import load_environment
from tests.collector.conftest import TASK, World, eventually, program, text, variables

#: Prefixes of what a task knows of itself beside its id.
ELSEWHERE = ("aws", "cloud", "http", "net", "server", "url")


def validated(content: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program(), "validate"],
        env=variables(content),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", ["prod", "staging"])
def test_collector_takes_the_configuration_of_every_environment_that_has_one(name: str) -> None:
    environment = load_environment(name)
    assert environment.telemetry is not None
    for region in environment.regions:
        content = text(
            ENVIRONMENT=name,
            AWS_REGION=region,
            SCRAPE_INTERVAL=f"{environment.telemetry.scrape_seconds}s",
            TRACE_PERCENT=f"{environment.telemetry.trace_percent:g}",
        )
        done = validated(content)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("disable_scope_info", "disable_scopes"),
        ("spike_limit_percentage: 20", "spike_limit_percentage: 90"),
        ("receivers: [otlp]", "receivers: [jaeger]"),
    ],
)
def test_collector_refuses_what_it_does_not_know(right: str, wrong: str) -> None:
    content = text()
    assert right in content
    assert validated(content.replace(right, wrong)).returncode != 0


def test_collector_says_that_it_is_well_where_the_health_check_asks(log: Path) -> None:
    def well() -> bool:
        try:
            with urllib.request.urlopen("http://127.0.0.1:13133/", timeout=2) as answer:
                return bool(answer.status == 200)
        except URLError:
            return False

    assert eventually(well, log)


def test_services_metrics_arrive_with_the_labels_that_alarms_and_dashboards_read(
    world: World, log: Path
) -> None:
    def arrived() -> list[dict[str, str]]:
        return [each for each in world.series if each["__name__"] == "richesreach_requests_total"]

    labels = eventually(arrived, log)[0]
    expected = {"environment": "prod", "region": "eu-west-1", "service": "gateway", "task": TASK}
    assert expected.items() <= labels.items()
    assert {"method": "GET", "status": "200"}.items() <= labels.items()


def test_nothing_else_of_the_task_becomes_a_label(world: World, log: Path) -> None:
    eventually(lambda: world.series, log)
    beyond = {name for labels in world.series for name in labels if name.split("_")[0] in ELSEWHERE}
    assert beyond == set()


def test_metrics_are_signed_for_the_regions_workspace(world: World, log: Path) -> None:
    signature = eventually(lambda: world.signatures, log)[0]
    assert signature.startswith("AWS4-HMAC-SHA256 Credential=test/")
    assert "/eu-west-1/aps/aws4_request" in signature


def test_services_span_arrives_in_x_ray_with_its_place(world: World, log: Path) -> None:
    now = time.time_ns()
    span = {
        "traceId": f"{int(time.time()):08x}{'ab' * 12}",
        "spanId": "1234567890abcdef",
        "name": "GET /health",
        "kind": 2,
        "startTimeUnixNano": str(now - 10**6),
        "endTimeUnixNano": str(now),
    }
    document = {"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": [span]}]}]}
    request = urllib.request.Request(
        "http://127.0.0.1:4318/v1/traces",
        data=json.dumps(document).encode(),
        headers={"content-type": "application/json"},
    )

    def taken() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except URLError:
            return False

    eventually(taken, log)
    (segment,) = eventually(lambda: world.segments, log)
    assert segment["name"] == "gateway"
    assert "prod" in json.dumps(segment)


def test_collector_has_nothing_to_complain_of(world: World, log: Path) -> None:
    eventually(lambda: world.series, log)
    assert log.read_text() == ""
