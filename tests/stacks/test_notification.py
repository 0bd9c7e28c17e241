"""Alarms reach people through two encrypted topics and a function with no more rights than it needs."""

from __future__ import annotations

import json

import pytest

from tests.stacks.assembly import Assembly, Resource

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
every_region = pytest.mark.parametrize("region", REGIONS)


def topics_key(assembly: Assembly, region: str) -> Resource:
    """The key of a region's topics, beside which that of its metrics stands."""
    alias = f"alias/richesreach-{assembly.environment}-notifications"
    (target,) = [
        each.properties["TargetKeyId"]["Fn::GetAtt"][0]
        for each in assembly.all(region, "monitoring-state", "AWS::KMS::Alias")
        if each.properties["AliasName"] == alias
    ]
    (key,) = [
        each
        for each in assembly.all(region, "monitoring-state", "AWS::KMS::Key")
        if each.logical_id == target
    ]
    return key


def pager(assembly: Assembly) -> Resource:
    """The function that calls PagerDuty from us-east-1."""
    (found,) = [
        each
        for each in assembly.all("us-east-1", "monitoring", "AWS::Lambda::Function")
        if "ROUTING_KEY_SECRET_NAME" in each.properties["Environment"]["Variables"]
    ]
    return found


@every_region
def test_topics_are_encrypted_with_the_stacks_own_key(region: str, prod: Assembly) -> None:
    key = topics_key(prod, region)
    topics = prod.all(region, "monitoring", "AWS::SNS::Topic")
    assert {topic.properties["TopicName"] for topic in topics} == {
        "richesreach-prod-page",
        "richesreach-prod-ticket",
    }
    for topic in topics:
        assert key.logical_id in json.dumps(topic.properties["KmsMasterKeyId"])
    assert key.properties["EnableKeyRotation"] is True


@every_region
def test_publishers_may_use_the_key_for_this_account_alone(region: str, prod: Assembly) -> None:
    policy = topics_key(prod, region).properties["KeyPolicy"]
    (publishers,) = [s for s in policy["Statement"] if s.get("Sid") == "Publishers"]
    services = ["aps.amazonaws.com", "cloudwatch.amazonaws.com", "sns.amazonaws.com"]
    costs = ["budgets.amazonaws.com", "costalerts.amazonaws.com"] if region == "us-east-1" else []
    assert publishers["Principal"] == {"Service": sorted(services + costs)}
    assert publishers["Condition"] == {"StringEquals": {"aws:SourceAccount": "111111111111"}}


@every_region
def test_topics_refuse_whoever_comes_without_tls(region: str, prod: Assembly) -> None:
    policies = prod.all(region, "monitoring", "AWS::SNS::TopicPolicy")
    assert len(policies) == 2
    for policy in policies:
        denied = [s for s in policy.properties["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        assert [s["Condition"] for s in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_function_reads_one_secret_and_writes_one_log(prod: Assembly) -> None:
    (policy,) = [
        each.properties["PolicyDocument"]
        for each in prod.policies("eu-west-1", "monitoring")
        if "secretsmanager" in json.dumps(each.properties)
    ]
    allowed = {
        action
        for statement in policy["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert allowed == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "secretsmanager:GetSecretValue",
        "sqs:SendMessage",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    }
    (reading,) = [s for s in policy["Statement"] if s["Action"] == "secretsmanager:GetSecretValue"]
    assert reading["Resource"] == (
        "arn:aws:secretsmanager:eu-west-1:111111111111:secret:richesreach/prod/pagerduty-??????"
    )


def test_what_reaches_nobody_waits_in_a_queue_and_is_told_of(prod: Assembly) -> None:
    queue = prod.one("us-east-1", "monitoring", "AWS::SQS::Queue")
    arn = {"Fn::GetAtt": [queue.logical_id, "Arn"]}
    assert pager(prod).properties["DeadLetterConfig"] == {"TargetArn": arn}
    for subscription in prod.all("us-east-1", "monitoring", "AWS::SNS::Subscription"):
        assert subscription.properties["RedrivePolicy"] == {"deadLetterTargetArn": arn}
    assert queue.properties["MessageRetentionPeriod"] == 14 * 86_400


def test_template_holds_no_routing_key(prod: Assembly) -> None:
    variables = pager(prod).properties["Environment"]["Variables"]
    assert variables["ROUTING_KEY_SECRET_NAME"] == "richesreach/prod/pagerduty"
    assert not [name for name in variables if name.endswith("ROUTING_KEY")]


def test_address_is_told_by_both_topics(optioned: Assembly) -> None:
    subscriptions = optioned.all("us-east-1", "monitoring", "AWS::SNS::Subscription")
    assert [(s.properties["Protocol"], s.properties["Endpoint"]) for s in subscriptions] == [
        ("email", "night@richesreach.example")
    ] * 2
    functions = optioned.all("us-east-1", "monitoring", "AWS::Lambda::Function")
    assert not [each for each in functions if "ROUTING_KEY" in json.dumps(each.properties)]
    monitoring = optioned.templates[optioned.stack_id("us-east-1", "monitoring")]
    assert "alarms-undelivered" not in json.dumps(monitoring)
