"""The services' rules, run by Prometheus over series that spend a budget, and over series that do not."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

from stacks.base import Site
from stacks.manifest import Manifest
from stacks.monitoring.alert_manager import definition
from stacks.monitoring.rules import rules
from stacks.yaml_file import ROOT
from tests.rules.conftest import Firing, tool

DAY = 24 * 60
HOURS_3_DAYS = 72 * 60 + 60
SERVICES = ROOT / "services" / "richesreach"
METRICS = SERVICES / "core" / "metrics.py"
BOUNDS = SERVICES / "core" / "request_counts.py"
#: Metrics of one service alone, beside the core's.
OWN_METRICS = (
    SERVICES / "ai_router" / "tracking" / "metrics.py",
    SERVICES / "features" / "metrics.py",
    SERVICES / "history" / "metrics.py",
    SERVICES / "stream" / "metrics.py",
)

#: What the collector adds to every series.
PLACE = 'service="gateway", region="eu-west-1", environment="prod", task="a"'


def served(status: int, each_minute: float, minutes: int, endpoint: str = "/api/x") -> dict[str, str]:
    """A counter of requests, and its histogram: all of them fast."""
    labels = f'{PLACE}, method="GET", endpoint="{endpoint}"'
    grows = f"0+{each_minute:g}x{minutes}"
    return {f'richesreach_requests_total{{{labels}, status="{status}"}}': grows}


def timed(fast: float, all_of_them: float, minutes: int) -> dict[str, str]:
    labels = f'{PLACE}, method="GET", endpoint="/api/x"'
    name = "richesreach_request_duration_seconds"
    return {
        f'{name}_bucket{{{labels}, le="0.3"}}': f"0+{fast:g}x{minutes}",
        f"{name}_count{{{labels}}}": f"0+{all_of_them:g}x{minutes}",
    }


def read(minutes: int) -> dict[str, str]:
    """The collector reaches the service."""
    return {f"up{{{PLACE}}}": f"1x{minutes}"}


def test_prometheus_takes_the_rules(rule_file: Path) -> None:
    done = tool("promtool", "check", "rules", str(rule_file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"SUCCESS: \d+ rules found", done.stdout)


def test_nothing_fires_while_the_budget_lasts(firing: Firing) -> None:
    series = served(200, 999.5, 120) | served(500, 0.5, 120) | timed(995, 1000, 120) | read(120)
    assert firing(series, "2h") == set()


def test_errors_beyond_the_fast_rate_fire(firing: Firing) -> None:
    """99.9 % leaves 0.1 %: 2 % spends it twenty times too fast, in the last hour and still."""
    series = served(200, 980, 90) | served(500, 20, 90) | timed(1000, 1000, 90) | read(90)
    assert firing(series, "80m") == {
        "gateway-inside-availability-fast-burn",
        "gateway-inside-availability-slow-burn",
    }


def test_errors_that_have_ended_fire_no_more(firing: Firing) -> None:
    """Twenty minutes of errors, then peace: the long window still burns, the short one does not."""
    labels = f'{PLACE}, method="GET", endpoint="/api/x"'
    series = {
        f'richesreach_requests_total{{{labels}, status="200"}}': "0+1000x90",
        f'richesreach_requests_total{{{labels}, status="500"}}': "0+100x20 2000+0x70",
    }
    assert "gateway-inside-availability-fast-burn" not in firing(series | read(90), "70m")


def test_slow_answers_beyond_the_fast_rate_fire(firing: Firing) -> None:
    """A p99 leaves 1 %: 20 % of answers above 300 ms spend it twenty times too fast."""
    series = served(200, 1000, 90) | timed(800, 1000, 90) | read(90)
    assert firing(series, "80m") == {"gateway-inside-latency-fast-burn", "gateway-inside-latency-slow-burn"}


def test_slow_burn_is_seen_over_three_days(firing: Firing) -> None:
    """0.2 % of errors spends the month's budget in fifteen days: no page, a ticket."""
    series = served(200, 998, HOURS_3_DAYS) | served(500, 2, HOURS_3_DAYS) | read(HOURS_3_DAYS)
    assert firing(series, "73h") == {"gateway-inside-availability-slow-burn"}


def test_handful_of_requests_is_no_ground_to_tell_anybody(firing: Firing) -> None:
    series = served(200, 0.05, 90) | served(500, 0.1, 90) | timed(0.05, 0.15, 90) | read(90)
    assert firing(series, "80m") == set()


def test_what_asks_the_service_about_itself_does_not_count(firing: Firing) -> None:
    """Health checks that succeed would hide that every request fails."""
    series = served(200, 10_000, 90, "/health") | served(200, 10_000, 90, "/metrics/") | read(90)
    series |= served(500, 1, 90) | served(200, 1, 90)
    assert "gateway-inside-availability-fast-burn" in firing(series, "80m")


def test_two_tasks_are_one_service(firing: Firing) -> None:
    """Each task's counter is a series of its own; the share is of the service."""
    series = served(200, 1000, 90) | read(90)
    series |= {name.replace('"a"', '"b"'): text for name, text in served(500, 30, 90).items()}
    assert "gateway-inside-availability-fast-burn" in firing(series, "80m")


@pytest.mark.parametrize(("up", "fires"), [("1x30", False), ("0x30", True), ("_x30", True)])
def test_service_that_nobody_reads_is_told_of(up: str, fires: bool, firing: Firing) -> None:
    """Unreachable, or without a series at all."""
    assert ("gateway-metrics-unread" in firing({f"up{{{PLACE}}}": up}, "25m")) is fires


def alerts(text: str) -> dict[str, dict[str, str]]:
    """Labels of each alert, by its name without platform and service."""
    groups = yaml.safe_load(text)["groups"]
    found = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    return {rule["alert"].removeprefix("richesreach-prod-gateway-"): rule["labels"] for rule in found}


def test_service_behind_the_load_balancer_is_paged_for_by_cloudwatch_alone(
    site: Site, gateway: Manifest
) -> None:
    assert {labels["severity"] for labels in alerts(rules(site, [gateway])).values()} == {"ticket"}


def test_service_that_no_viewer_reaches_is_paged_for_here(site: Site, gateway: Manifest) -> None:
    inner = gateway.model_copy(update={"paths": [], "default": False})
    severities = {name: labels["severity"] for name, labels in alerts(rules(site, [inner])).items()}
    assert {name for name, severity in severities.items() if severity == "page"} == {
        "inside-availability-fast-burn",
        "inside-latency-fast-burn",
    }


def test_latency_objective_is_a_bound_of_the_services_histogram(gateway: Manifest) -> None:
    """A share of requests is known at the histogram's bounds only."""
    (bounds,) = [
        ast.literal_eval(node.value)
        for node in ast.parse(BOUNDS.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DURATION_BUCKETS"
    ]
    assert gateway.slo.latency_p99_ms / 1000 in bounds


def test_every_metric_that_a_rule_reads_is_one_of_the_services(site: Site, gateway: Manifest) -> None:
    read_by_rules = set(re.findall(r"(?<!:)\brichesreach_[a-z_]+", rules(site, [gateway])))
    sources = [path.read_text(encoding="utf-8") for path in (METRICS, *OWN_METRICS)]
    known = {
        name.removesuffix("_sum") for text in sources for name in re.findall(r'"(richesreach_[a-z_]+)"', text)
    }
    assert {re.sub(r"_(bucket|count)$", "", name) for name in read_by_rules} == known


# ---------------------------------------------------------------- how an alert is told
@pytest.fixture
def alert_manager(site: Site, tmp_path: Path) -> Path:
    """The definition's two parts as files, as Alertmanager itself would have them."""
    parts = yaml.safe_load(definition(site))
    (tmp_path / "default_template").write_text(parts["template_files"]["default_template"], encoding="utf-8")
    path = tmp_path / "alertmanager.yaml"
    path.write_text(parts["alertmanager_config"], encoding="utf-8")
    return path


def test_alertmanager_takes_the_definition(alert_manager: Path) -> None:
    done = tool("amtool", "check-config", str(alert_manager))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "- 2 receivers" in done.stdout


@pytest.mark.parametrize(("severity", "receiver"), [("page", "page"), ("ticket", "ticket")])
def test_severity_decides_who_is_told(severity: str, receiver: str, alert_manager: Path) -> None:
    done = tool(
        "amtool", "config", "routes", "test", f"--config.file={alert_manager}", f"severity={severity}"
    )
    assert done.stdout.strip() == receiver


@pytest.mark.parametrize(("status", "state"), [("firing", "ALARM"), ("resolved", "OK")])
def test_alert_is_told_in_the_shape_of_an_alarm(
    status: str, state: str, site: Site, gateway: Manifest, alert_manager: Path, tmp_path: Path
) -> None:
    groups = yaml.safe_load(rules(site, [gateway]))["groups"]
    for rule in [rule for group in groups for rule in group["rules"] if "alert" in rule]:
        data = {
            "Status": status,
            "GroupLabels": {"alertname": rule["alert"]},
            "CommonAnnotations": rule["annotations"] | {"reason": "bad share 2.1%"},
        }
        path = tmp_path / "data.json"
        path.write_text(json.dumps(data), encoding="utf-8")
        done = tool(
            "amtool",
            "template",
            "render",
            f"--template.glob={alert_manager.parent / 'default_template'}",
            '--template.text={{ template "sns.default.message" . }}',
            f"--template.data={path}",
        )
        told = json.loads(done.stdout)
        assert (told["AlarmName"], told["NewStateValue"]) == (rule["alert"], state)
        assert told["AlarmDescription"] == rule["annotations"]["description"]
        assert (ROOT / "docs" / "runbooks" / told["AlarmDescription"].rsplit("/", 1)[1]).exists()
