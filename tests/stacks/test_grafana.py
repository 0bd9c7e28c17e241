"""Grafana's dashboards: no Grafana runs here, so that they are read as what it would read."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

import stacks.monitoring
from stacks.monitoring.rules import DRAWN

FOLDER = Path(stacks.monitoring.__file__).parent / "grafana"
DASHBOARDS = sorted(FOLDER.glob("*.json"))
every_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
SERIES = re.compile(r"service:[a-z_]+:[a-z0-9_]+")
LABELS = re.compile(r"by \(([a-z, ]+)\)")
COLUMNS = 24


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def expressions(path: Path) -> list[str]:
    return [target["expr"] for panel in read(path)["panels"] for target in panel["targets"]]


@every_dashboard
def test_dashboard_draws_only_what_the_rules_record(path: Path) -> None:
    recorded = {f"service:{name}" for name in DRAWN}
    found = {series for expression in expressions(path) for series in SERIES.findall(expression)}
    assert found
    assert found <= recorded


@every_dashboard
def test_dashboard_groups_only_by_labels_that_the_rules_keep(path: Path) -> None:
    kept = {f"service:{name}": set(LABELS.findall(text)[0].split(", ")) for name, text in DRAWN.items()}
    for expression in expressions(path):
        groups = {label for labels in LABELS.findall(expression) for label in labels.split(", ")}
        of_all = set.intersection(*(kept[series] for series in SERIES.findall(expression)))
        assert groups <= of_all, expression


@every_dashboard
def test_dashboard_reads_the_chosen_region_and_service(path: Path) -> None:
    found = read(path)
    assert {one["name"] for one in found["templating"]["list"]} == {"region", "service"}
    assert {panel["datasource"]["uid"] for panel in found["panels"]} == {"${region}"}
    for expression in expressions(path):
        assert expression.count('service=~"$service"') == len(SERIES.findall(expression)), expression


@every_dashboard
def test_panels_have_numbers_of_their_own_and_none_covers_another(path: Path) -> None:
    panels = read(path)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= COLUMNS for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


def test_all_that_is_recorded_of_language_models_is_drawn() -> None:
    recorded = {f"service:{name}" for name in DRAWN if name.startswith("richesreach_ai_")}
    shown = "".join(expressions(FOLDER / "language-models.json"))
    assert recorded == set(SERIES.findall(shown))


def test_tokens_cost_latency_and_errors_are_told_by_model() -> None:
    by_model = [one for one in expressions(FOLDER / "language-models.json") if "by (model" in one]
    for what in ("tokens", "cost", "request_duration", "first_token", "requests:rate5m"):
        assert any(what in expression for expression in by_model), what


def test_provisioning_is_of_the_form_that_grafana_reads() -> None:
    providers = yaml.safe_load((FOLDER / "provisioning.yaml").read_text(encoding="utf-8"))
    sources = yaml.safe_load((FOLDER / "datasources.yaml").read_text(encoding="utf-8"))
    assert providers["apiVersion"] == sources["apiVersion"] == 1
    assert [one["type"] for one in (*providers["providers"], *sources["datasources"])] == [
        "file",
        "prometheus",
    ]
    assert sources["datasources"][0]["jsonData"]["sigV4Auth"] is True
