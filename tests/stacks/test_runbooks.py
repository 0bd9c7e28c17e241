"""Every alarm has a runbook, every runbook an alarm, and each says what somebody just woken needs."""

from __future__ import annotations

import re

import yaml

from stacks.environment import load_environment
from stacks.monitoring.cost import NOTICES
from tests.stacks.alarms import KINDS, RUNBOOKS, runbook, severity
from tests.stacks.assembly import Assembly

#: What somebody does by decision, not because an alarm fired.
PROCEDURES = {
    "aurora-detach-and-delete",
    "aurora-failover",
    "aurora-switchover",
    "change-the-regions",
    "deployment-halted",
    "deployment-lock",
    "drain-a-region",
}
PAGES = sorted({page.stem for page in RUNBOOKS.glob("*.md")} - PROCEDURES)
SECTIONS = ("First look", "Likely causes", "Mend", "Escalation")
BASE = load_environment("prod").monitoring.runbook_base_url


def linked(assembly: Assembly) -> dict[str, str]:
    """Runbook of each alarm, by stack and logical id."""
    return {
        f"{stack}/{logical_id}": runbook_of(whole["Properties"]["AlarmDescription"])
        for stack, template in assembly.templates.items()
        for logical_id, whole in template.get("Resources", {}).items()
        if whole["Type"] in KINDS
    }


def linked_by_rules(assembly: Assembly) -> set[str]:
    """Runbooks of the alerts that Managed Prometheus raises, and of the events that EventBridge tells of."""
    told = {
        runbook_of(rule.properties["Description"])
        for region in assembly.regions("monitoring")
        for rule in assembly.all(region, "monitoring", "AWS::Events::Rule")
    }
    return told | {
        runbook_of(rule["annotations"]["description"])
        for region in assembly.regions("monitoring")
        for namespace in assembly.all(region, "monitoring", "AWS::APS::RuleGroupsNamespace")
        for group in yaml.safe_load(namespace.properties["Data"])["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


def runbook_of(description: str) -> str:
    found = re.search(rf"(?:{re.escape(BASE)}|docs/runbooks)/([a-z0-9-]+)\.md$", description)
    assert found, f"no link to a runbook at its end: {description}"
    return found[1]


def test_every_alarm_links_to_a_runbook_that_exists(prod: Assembly) -> None:
    missing = {alarm: page for alarm, page in linked(prod).items() if page not in PAGES}
    assert missing == {}
    assert linked_by_rules(prod) <= set(PAGES)


def test_every_runbook_belongs_to_an_alarm_or_a_notice(prod: Assembly) -> None:
    used = {*linked(prod).values(), *linked_by_rules(prod), *NOTICES}
    assert [page for page in PAGES if page not in used] == []


def test_runbook_of_an_alarm_that_tells_somebody_says_what_to_do(prod: Assembly) -> None:
    told = [
        runbook(alarm)
        for area in ("monitoring", "monitoring-global")
        for region in prod.regions(area)
        for kind in KINDS
        for alarm in prod.all(region, area, kind)
    ]
    for page in sorted({*told, *linked_by_rules(prod), *NOTICES}):
        _check((RUNBOOKS / f"{page}.md").read_text(encoding="utf-8"))


def _check(text: str) -> None:
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == list(SECTIONS)
    assert text.startswith("# ")
    assert "```sh\n" in text
    commands = re.findall(r"richesreach ([a-z]+)", text.replace("richesreach-", ""))
    assert set(commands) <= {"status", "drain", "undrain", "cdk", "logs"}


def test_severity_decides_who_is_told(prod: Assembly) -> None:
    for region in prod.regions("monitoring"):
        topics = {
            topic.properties["TopicName"]: topic.logical_id
            for topic in prod.all(region, "monitoring", "AWS::SNS::Topic")
        }
        for kind in KINDS:
            for alarm in prod.all(region, "monitoring", kind):
                told = alarm.properties.get("AlarmActions", [])
                assert told == alarm.properties.get("OKActions", [])
                for each in told:
                    word = "page" if each["Ref"] == topics["richesreach-prod-page"] else "ticket"
                    assert f" Severity: {word}." in alarm.properties["AlarmDescription"]


def test_alarms_of_a_stack_have_names_of_their_own(prod: Assembly) -> None:
    for region in prod.regions("monitoring"):
        names = [a.properties["AlarmName"] for kind in KINDS for a in prod.all(region, "monitoring", kind)]
        assert len(set(names)) == len(names)
        assert runbook(prod.all(region, "monitoring", KINDS[0])[0]) in PAGES


def test_documentation_counts_the_alarms_as_they_are(prod: Assembly) -> None:
    rows = re.findall(
        r"^\| ([a-z0-9-]+-monitoring(?:-global)?) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$",
        (RUNBOOKS.parent / "monitoring.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    counted = []
    for stack, *_ in rows:
        region, _, area = stack.partition("-monitoring")
        made = [prod.all(region, f"monitoring{area}", kind) for kind in KINDS]
        told = [severity(alarm) for kind in made for alarm in kind]
        numbers = (len(made[0]), len(made[1]), told.count("page"), told.count("ticket"))
        counted.append((stack, *map(str, numbers)))
    assert rows == counted
    assert len(rows) == 4
