"""Metrics of functions, of several processes together, and as CloudWatch reads them from the log."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from cache_servers import CachePair
from gateway_task import Environment, ServiceProcess, client_of, gateway_app, task_environment
from loopback import accepts, own_address, until
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from richesreach.core import logs
from richesreach.core.embedded_metrics import NAMESPACE
from richesreach.core.timing import FUNCTION_DURATION, timed


@timed("test.double")
def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


@timed("test.fetch")
async def fetch(number: int) -> int:
    if number < 0:
        raise ValueError("a negative number")
    return number


def measured(function: str, outcome: str) -> float:
    registry = CollectorRegistry()
    registry.register(FUNCTION_DURATION)
    labels = {"function": function, "outcome": outcome}
    return registry.get_sample_value("richesreach_function_duration_seconds_count", labels) or 0.0


async def test_a_timed_function_is_what_it_was() -> None:
    assert (double(4), await fetch(4)) == (8, 4)
    assert (double.__name__, double.__doc__) == ("double", "Twice the number.")


async def test_each_call_is_measured_with_its_outcome() -> None:
    before = measured("test.fetch", "ok"), measured("test.fetch", "error")
    await fetch(1)
    with pytest.raises(ValueError, match="negative"):
        await fetch(-1)
    assert (measured("test.fetch", "ok"), measured("test.fetch", "error")) == (before[0] + 1, before[1] + 1)


async def test_functions_are_in_the_service_s_metrics_and_in_no_other_registry(
    environment: Environment,
) -> None:
    double(1)
    async with client_of(gateway_app(environment)) as client:
        text = (await client.get("/metrics/")).text
    assert 'richesreach_function_duration_seconds_count{function="test.double",outcome="ok"}' in text
    assert "richesreach_function_duration_seconds" not in {family.name for family in REGISTRY.collect()}


class Processes:
    """Two gateways that share a folder for their metrics, as the workers of one task."""

    def __init__(self, environment: Environment, folder: Path) -> None:
        self.addresses = [own_address(), own_address()]
        self.running = []
        for host, port in self.addresses:
            own = {"BIND_ADDRESS": host, "PORT": str(port), "PROMETHEUS_MULTIPROC_DIR": str(folder)}
            self.running.append(ServiceProcess("richesreach.gateway", {**environment, **own}))
        for address in self.addresses:
            until(lambda address=address: accepts(*address), "the gateway listens")  # type: ignore[misc]

    def get(self, number: int, path: str) -> str:
        host, port = self.addresses[number]
        with urlopen(f"http://{host}:{port}{path}") as response:
            return str(response.read().decode())

    def sample(self, asked: int, name: str, **labels: str) -> float | None:
        for family in text_string_to_metric_families(self.get(asked, "/metrics/")):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return None

    def tells(self, asked: int, name: str, value: float, **labels: str) -> None:
        """Waits for it: a request is counted when its answer is out, which its caller may see before."""
        until(lambda: self.sample(asked, name, **labels) == value, f"{name} is {value}")


@pytest.fixture
def processes(caches: CachePair, tmp_path: Path) -> Iterator[Processes]:
    started = Processes({**task_environment(None, caches), "RATE_LIMITING": "false"}, tmp_path)
    yield started
    for process in started.running:
        process.kill()


def test_either_process_tells_the_counts_of_both(processes: Processes) -> None:
    for number in (0, 0, 1):
        processes.get(number, "/api/status/config")
    labels = {"endpoint": "/api/status/config", "status": "200"}
    for asked in (0, 1):
        processes.tells(asked, "richesreach_requests_total", 3, **labels)


def test_the_hit_ratio_is_of_all_reads_and_has_no_process_of_its_own(processes: Processes) -> None:
    text = processes.get(0, "/metrics/")
    families = {family.name: family.type for family in text_string_to_metric_families(text)}
    assert families["richesreach_cache_hit_ratio"] == "gauge"
    assert "pid=" not in text


def test_a_process_that_has_ended_leaves_its_counts_and_takes_its_gauges(processes: Processes) -> None:
    processes.get(1, "/api/status/config")
    processes.running[1].ask_to_stop()
    assert processes.running[1].wait() == 0
    labels = {"endpoint": "/api/status/config"}
    processes.tells(0, "richesreach_requests_total", 1, **labels)
    assert processes.sample(0, "richesreach_active_connections") == 1  # the scrape itself


def last_line(log: io.StringIO, has: Callable[[dict[str, object]], bool]) -> dict[str, object]:
    return [line for line in map(json.loads, log.getvalue().splitlines()) if has(line)][-1]


async def test_cloudwatch_finds_in_a_log_line_what_the_line_says_it_has() -> None:
    environment = {**task_environment(None, None), "METRICS_EMF": "true"}
    log = io.StringIO()
    app = gateway_app(environment)
    logs.configure(service="gateway", region="eu-west-1", level="INFO", stream=log)
    async with client_of(app) as client:
        for path in ("/health", "/health", "/nowhere"):
            await client.get(path)
    line = last_line(log, lambda found: "_aws" in found)
    described = line["_aws"]
    assert isinstance(described, dict)
    (directive,) = described["CloudWatchMetrics"]
    assert directive["Namespace"] == NAMESPACE
    for dimension in directive["Dimensions"][0]:
        assert isinstance(line[dimension], str)
    for metric in directive["Metrics"]:
        assert isinstance(line[metric["Name"]], int | float)
    assert described["Timestamp"] > 1_767_225_600_000
    assert (line["Requests"], line["ClientErrors"], line["ServerErrors"]) == (3, 1, 0)


async def test_without_the_option_no_line_is_for_cloudwatch(environment: Environment) -> None:
    log = io.StringIO()
    app = gateway_app(environment)
    logs.configure(service="gateway", region="eu-west-1", level="INFO", stream=log)
    async with client_of(app) as client:
        await client.get("/health")
    assert "_aws" not in log.getvalue()
