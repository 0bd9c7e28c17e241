"""cdk-nag's own pack runs at each synth: nothing is found in prod that is not accepted by name, and nothing
is accepted in vain. `make policy` says the same of every other pack and tool."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from stacks.accepted import ACKNOWLEDGED as BY_AREA
from stacks.acknowledgements import Acknowledged
from stacks.base import Site
from stacks.environment import PLACEHOLDER_ACCOUNT, load_environment
from tests.stacks.assembly import Assembly

EVERY = [(area, entry) for area, entries in BY_AREA.items() for entry in entries if not entry.outside_prod]

#: Those of the pack that each synth runs, one finding an entry.
ACKNOWLEDGED = [
    (area, Acknowledged(entry.path, finding, entry.reason))
    for area, entry in EVERY
    for finding in entry.findings
    if finding.startswith("AwsSolutions::")
]

#: Ids of every pack and tool, exact: a rule of its own name, and in brackets what it found.
EXACT = (
    r"AwsSolutions::AwsSolutions-[A-Z]+\d*[A-Z]?\d*",
    r"(NIST\.800\.53\.R5|PCI\.DSS\.321|HIPAA\.Security)::\1-[A-Za-z0-9]+",
    r"Checkov::CKV2?_AWS_\d+",
    r"Cloudsplaining::[A-Za-z]+",
)


@pytest.fixture(scope="module")
def report(prod: Assembly) -> dict[str, Any]:
    """What AwsSolutions found in prod."""
    plugins = json.loads((prod.folder / "validation-report.json").read_text())["pluginReports"]
    (found,) = [plugin for plugin in plugins if plugin["pluginName"] == "AwsSolutions"]
    only: dict[str, Any] = found
    return only


def test_no_plugin_finds_anything_that_is_not_acknowledged(prod: Assembly, report: dict[str, Any]) -> None:
    plugins = json.loads((prod.folder / "validation-report.json").read_text())["pluginReports"]
    assert [(p["pluginName"], v["ruleName"]) for p in plugins for v in p["violations"]] == []
    assert report["conclusion"] == "success"


def test_rules_were_really_applied(report: dict[str, Any]) -> None:
    assert len(report["suppressedViolations"]) >= len(ACKNOWLEDGED)


def named(entries: list[tuple[str, Acknowledged]]) -> list[str]:
    return [f"{area}: {entry.path}: {entry.finding}" for area, entry in entries]


@pytest.mark.parametrize(("area", "entry"), ACKNOWLEDGED, ids=named(ACKNOWLEDGED))
def test_acknowledgement_still_matches_a_finding(
    area: str, entry: Acknowledged, report: dict[str, Any]
) -> None:
    prod = load_environment("prod")
    places = {
        (found["acknowledgedId"], construct["constructPath"])
        for found in report["suppressedViolations"]
        for construct in found["violatingConstructs"]
    }
    expected = {
        (finding, f"{prod.names.stack(region, area)}/{entry.path}")
        for region in prod.regions
        for finding in entry.exact(Site(prod, PLACEHOLDER_ACCOUNT, region))
    }
    matching = [
        place
        for name, place in places
        for finding, path in expected
        if name == finding and (place == path or place.startswith(f"{path}/"))
    ]
    assert matching, "nothing is found there any more: remove the entry"


@pytest.mark.parametrize("entry", [entry for _, entry in EVERY], ids=named(EVERY))
def test_acknowledgement_is_exact_and_gives_a_reason(entry: Acknowledged) -> None:
    for finding in entry.findings:
        rule = finding.split("[", maxsplit=1)[0]
        assert any(re.fullmatch(pattern, rule) for pattern in EXACT), finding
    assert "*" not in entry.path
    assert len(entry.reason) > 20


def test_no_acknowledgement_is_given_twice() -> None:
    given = [(area, entry.path, finding) for area, entry in EVERY for finding in entry.findings]
    assert len(set(given)) == len(given)


def test_what_prod_has_not_is_accepted_by_name_in_staging(staging: Assembly) -> None:
    plugins = json.loads((staging.folder / "validation-report.json").read_text())["pluginReports"]
    assert [(p["pluginName"], v["ruleName"]) for p in plugins for v in p["violations"]] == []
    accepted = {found["acknowledgedId"] for plugin in plugins for found in plugin["suppressedViolations"]}
    assert any(name.endswith(":prefix-list/*]") for name in accepted), "the drills' own were not looked at"
