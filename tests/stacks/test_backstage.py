"""What works behind the services is watched: functions, queues, the firewall, the lake, and events."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from stacks.environment import load_environment
from stacks.errors import ConfigurationError
from stacks.manifest import Manifest, TaskRun, load_manifests
from stacks.yaml_file import ROOT
from tests.stacks import environments
from tests.stacks.alarms import RUNBOOKS, alarms, runbook, severity, stats
from tests.stacks.assembly import Assembly, Resource
from tests.stacks.conftest import Synthesise

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
GATEWAY = next(found for found in load_manifests() if found.default)
NIGHTLY = TaskRun(name="nightly", command=["true"], run="schedule", schedule="rate(1 day)")


@pytest.fixture(scope="module")
def busy(synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Prod with a scheduled task and two expected datasets."""
    contents = environments.put(
        environments.document(), "monitoring.lake_datasets", ["news", "model_artifacts"]
    )
    manifest = Manifest.model_validate(GATEWAY.model_dump() | {"tasks": [NIGHTLY.model_dump()]})
    return synthesise(environments.read(tmp_path_factory.mktemp("busy-file"), contents), (manifest,))


def watched(alarm: Resource) -> dict[str, Any]:
    """Dimensions of the one metric that an alarm reads; a reference stays one."""
    (stat,) = stats(alarm)
    return {each["Name"]: each["Value"] for each in stat["Metric"]["Dimensions"]}


def metric(alarm: Resource) -> tuple[str, str, str, int]:
    """Namespace, name, statistic and period in seconds of the one metric that an alarm reads."""
    (stat,) = stats(alarm)
    return stat["Metric"]["Namespace"], stat["Metric"]["MetricName"], stat["Stat"], stat["Period"]


def functions(assembly: Assembly, region: str, area: str = "monitoring") -> set[str]:
    """What the alarms on functions call them, where both of the two are there."""
    found = alarms(assembly, region, area)
    failing = {name.removesuffix("-function-errors") for name in found if name.endswith("-function-errors")}
    throttled = {
        name.removesuffix("-function-throttled") for name in found if name.endswith("-function-throttled")
    }
    assert failing == throttled
    return failing


def test_every_function_but_those_of_custom_resources_is_watched(prod: Assembly) -> None:
    everywhere = {"regional-pagerduty", "erasure", "lake-freshness"}
    assert functions(prod, "us-east-1") == {*everywhere, "erasure-control", "rotation"}
    assert functions(prod, "eu-west-1") == everywhere
    assert functions(prod, "us-east-1", "monitoring-global") == {"global-pagerduty", "origin-secret"}


def test_control_of_the_erasure_is_watched_where_the_writer_is(moved_writer: Assembly) -> None:
    assert "erasure-control" in functions(moved_writer, "eu-west-1")
    assert "erasure-control" not in functions(moved_writer, "us-east-1")


@pytest.mark.parametrize(("of", "name"), [("erasure", "erasure"), ("erasure-control", "erasure-control")])
def test_function_that_comes_later_is_watched_by_its_name(of: str, name: str, prod: Assembly) -> None:
    full = f"richesreach-prod-{name}"
    prod.one("us-east-1", "security", "AWS::Lambda::Function", FunctionName=full)
    for condition, counted in (("errors", "Errors"), ("throttled", "Throttles")):
        alarm = alarms(prod, "us-east-1")[f"{of}-function-{condition}"]
        assert metric(alarm) == ("AWS/Lambda", counted, "Sum", 300)
        assert watched(alarm) == {"FunctionName": full}


def test_start_that_was_given_up_is_told_of(busy: Assembly) -> None:
    queue = busy.one("us-east-1", "ecs", "AWS::SQS::Queue")
    alarm = alarms(busy, "us-east-1")["gateway-nightly-tasks-not-started"]
    assert watched(alarm) == {"QueueName": queue.properties["QueueName"]}
    assert (alarm.properties["Threshold"], severity(alarm)) == (0, "ticket")


def test_every_queue_of_the_platform_has_an_alarm(busy: Assembly) -> None:
    for stack, template in busy.templates.items():
        for logical_id, resource in template.get("Resources", {}).items():
            if resource["Type"] != "AWS::SQS::Queue":
                continue
            region = re.sub(r"^richesreach-prod-([a-z]+-[a-z]+-\d).*", r"\1", stack)
            areas = [area for area in ("monitoring", "monitoring-global") if region in busy.regions(area)]
            depths = [
                json.dumps(alarm.properties["Metrics"])
                for area in areas
                for alarm in alarms(busy, region, area).values()
                if "AWS/SQS" in json.dumps(alarm.properties.get("Metrics", []))
            ]
            name = resource["Properties"]["QueueName"]
            assert any(name in depth or logical_id in depth for depth in depths), f"{stack}: {name}"


def test_blocked_requests_are_counted_over_every_rule_of_the_web_acl(prod: Assembly) -> None:
    acl = prod.one("us-east-1", "edge", "AWS::WAFv2::WebACL").properties
    alarm = alarms(prod, "us-east-1", "monitoring-global")["requests-blocked"]
    assert watched(alarm) == {"WebACL": acl["VisibilityConfig"]["MetricName"], "Rule": "ALL"}
    assert alarm.properties["Threshold"] == load_environment("prod").monitoring.blocked_requests
    assert metric(alarm) == ("AWS/WAFV2", "BlockedRequests", "Sum", 300)


# ---------------------------------------------------------------- the lake
@pytest.mark.parametrize(
    ("name", "dataset", "hours"), [("news", "news", 24), ("model-artifacts", "model_artifacts", 744)]
)
def test_expected_dataset_may_grow_as_old_as_it_is_declared(
    name: str, dataset: str, hours: int, busy: Assembly
) -> None:
    alarm = alarms(busy, "eu-west-1")[f"{name}-lake-stale"]
    assert watched(alarm) == {"Dataset": dataset}
    assert metric(alarm) == ("RichesReach/prod/lake", "LakeAgeSeconds", "Minimum", 3600)
    assert alarm.properties["Threshold"] == hours * 3600
    assert alarm.properties["TreatMissingData"] == "breaching"  # whoever does not look finds nothing


def test_function_that_looks_lists_the_expected_prefixes_and_reads_nothing(busy: Assembly) -> None:
    (policy,) = [
        p.properties["PolicyDocument"]
        for p in busy.policies("eu-west-1", "monitoring")
        if "s3:ListBucket" in json.dumps(p.properties)
    ]
    statements = {s["Sid"]: s for s in policy["Statement"]}
    assert set(statements) == {"List", "OwnLog"}
    assert statements["List"]["Condition"]["StringLike"]["s3:prefix"] == [
        "raw/news/*",
        "processed/ml_models/model_artifacts/*",
    ]
    assert "lake-freshness" in functions(busy, "eu-west-1")


def test_function_asks_for_what_its_code_reads(busy: Assembly) -> None:
    (variables,) = [
        f.properties["Environment"]["Variables"]
        for f in busy.all("eu-west-1", "monitoring", "AWS::Lambda::Function")
        if "DATASETS" in f.properties.get("Environment", {}).get("Variables", {})
    ]
    code = (ROOT / "lambda" / "lake_freshness" / "index.py").read_text(encoding="utf-8")
    assert set(re.findall(r'os\.environ\["([A-Z_]+)"\]', code)) == set(variables)


def test_lake_of_which_nothing_is_expected_is_not_asked(local: Assembly) -> None:
    assert not [name for name in alarms(local, "eu-west-1") if name.endswith("lake-stale")]


def test_prod_expects_what_a_service_of_every_region_writes(prod: Assembly) -> None:
    stale = {name.removesuffix("-lake-stale") for name in alarms(prod, "eu-west-1") if name.endswith("stale")}
    assert stale == {"market-ticks", "bars", "technical-indicators"}


# ---------------------------------------------------------------- events
def rules(assembly: Assembly, region: str) -> dict[str, dict[str, Any]]:
    """EventBridge rules of the monitoring stack by their name without the platform's prefix."""
    prefix = f"richesreach-{assembly.environment}-"
    return {
        rule.properties["Name"].removeprefix(prefix): rule.properties
        for rule in assembly.all(region, "monitoring", "AWS::Events::Rule")
    }


@pytest.mark.parametrize("region", REGIONS)
def test_events_are_told_in_every_region(region: str, prod: Assembly) -> None:
    assert set(rules(prod, region)) == {
        "deployment-failed",
        "backup-failed",
        "threat-found",
        "threat-suspected",
        "rule-violated",
    }


def test_deployment_that_was_sent_back_is_a_ticket(prod: Assembly) -> None:
    rule = rules(prod, "eu-west-1")["deployment-failed"]
    assert rule["EventPattern"]["detail"] == {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]}
    (prefix,) = rule["EventPattern"]["resources"]
    assert prefix == {"prefix": "arn:aws:ecs:eu-west-1:111111111111:service/richesreach-prod/"}
    assert "Ticket" in json.dumps(rule["Targets"][0]["Arn"])


def test_threat_of_high_severity_pages(prod: Assembly) -> None:
    found = rules(prod, "eu-west-1")
    assert "Page" in json.dumps(found["threat-found"]["Targets"][0]["Arn"])
    assert "Ticket" in json.dumps(found["threat-suspected"]["Targets"][0]["Arn"])
    bounds = [
        found[name]["EventPattern"]["detail"]["severity"] for name in ("threat-found", "threat-suspected")
    ]
    assert bounds == [[{"numeric": [">=", 7]}], [{"numeric": [">=", 4, "<", 7]}]]


def test_event_is_told_in_the_shape_of_an_alarm_with_its_runbook(prod: Assembly) -> None:
    for name, rule in rules(prod, "eu-west-1").items():
        (target,) = rule["Targets"]
        template = target["InputTransformer"]["InputTemplate"]
        told = json.loads(template.replace("<about>", '"what it is about"'))
        assert (told["AlarmName"], told["NewStateValue"]) == (f"richesreach-prod-{name}", "ALARM")
        page = told["AlarmDescription"].rsplit("/", 1)[1]
        assert (RUNBOOKS / page).exists()
        assert set(target["InputTransformer"]["InputPathsMap"]) == {"about"}


def test_eventbridge_may_publish_to_the_two_topics_and_nothing_else(prod: Assembly) -> None:
    (policy,) = [
        p.properties["PolicyDocument"]["Statement"]
        for p in prod.policies("eu-west-1", "monitoring")
        if "sns:Publish" in json.dumps(p.properties)
    ]
    granted = {s["Sid"]: s["Action"] for s in policy}
    assert granted == {"Tell": "sns:Publish", "Encrypt": ["kms:Decrypt", "kms:GenerateDataKey"]}
    assert len(next(s for s in policy if s["Sid"] == "Tell")["Resource"]) == 2


def test_environment_that_asks_for_no_notices_has_no_rule(local: Assembly) -> None:
    assert rules(local, "us-east-1") == {}


def test_notice_of_what_nobody_finds_is_refused(tmp_path: Path) -> None:
    contents = environments.put(
        environments.document("staging"), "monitoring.notices", ["threats", "compliance"]
    )
    with pytest.raises(ConfigurationError, match=r"monitoring\.notices: holds threats and compliance"):
        environments.read(tmp_path, contents, "staging")


def test_dataset_that_is_none_is_refused(tmp_path: Path) -> None:
    contents = environments.put(environments.document(), "monitoring.lake_datasets", ["weather"])
    with pytest.raises(ConfigurationError, match=r"'weather' is no dataset of the lake; choose from"):
        environments.read(tmp_path, contents)


def test_runbooks_of_later_alarms_are_those_that_they_link_to(busy: Assembly) -> None:
    found = alarms(busy, "us-east-1")
    assert runbook(found["gateway-nightly-tasks-not-started"]) == "tasks-not-started"
    assert runbook(found["news-lake-stale"]) == "lake-stale"
