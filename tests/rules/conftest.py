"""Rules in Prometheus itself: promtool runs the files that the stacks put into a workspace."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.base import Site
from stacks.environment import PLACEHOLDER_ACCOUNT, load_environment
from stacks.manifest import Manifest, load_manifests
from stacks.monitoring.rules import rules
from stacks.yaml_file import ROOT

TOOLS = ROOT / ".local" / "prometheus"

Firing = Callable[..., set[str]]


@pytest.fixture(scope="session")
def site() -> Site:
    return Site(load_environment("prod"), PLACEHOLDER_ACCOUNT, "eu-west-1")


@pytest.fixture(scope="session")
def gateway() -> Manifest:
    return next(found for found in load_manifests() if found.default)


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs promtool or amtool, which `ops/promtool` fetches."""
    path = TOOLS / name
    assert path.exists(), f"{path} is missing; run `make test-rules`, which fetches it"
    return subprocess.run([path, *arguments], check=False, capture_output=True, text=True)


@pytest.fixture
def rule_file(tmp_path: Path, site: Site, gateway: Manifest) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(rules(site, [gateway]), encoding="utf-8")
    return path


@pytest.fixture
def firing(tmp_path: Path, rule_file: Path) -> Firing:
    """Names of the alerts, without the platform's prefix, that fire at ``at`` over ``series``.

    ``series`` are in promtool's notation, a value a minute. promtool only says whether a guess is right: it
    is asked for each alert of the file whether it is silent, and names what fires instead.
    """
    groups = yaml.safe_load(rule_file.read_text(encoding="utf-8"))["groups"]
    names = [rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule]

    def at(series: dict[str, str], when: str) -> set[str]:
        test: dict[str, Any] = {
            "rule_files": [str(rule_file)],
            "evaluation_interval": "1m",
            "tests": [
                {
                    "interval": "1m",
                    "input_series": [{"series": name, "values": text} for name, text in series.items()],
                    "alert_rule_test": [
                        {"eval_time": when, "alertname": name, "exp_alerts": []} for name in names
                    ],
                }
            ],
        }
        path = tmp_path / "test.yaml"
        path.write_text(yaml.safe_dump(test, width=10_000), encoding="utf-8")
        done = tool("promtool", "test", "rules", str(path))
        said = done.stdout + done.stderr
        fired = {name for name in names if f"alertname: {name}," in said}
        assert bool(fired) == bool(done.returncode), said
        return {name.removeprefix("richesreach-prod-") for name in fired}

    return at
