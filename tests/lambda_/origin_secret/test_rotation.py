"""A rotation of the origin-verify value: no request of CloudFront is refused at any of its steps."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

SOURCE = Path(__file__).resolve().parents[3] / "lambda" / "origin_secret" / "index.py"
REGIONS = ("us-east-1", "eu-west-1")
HEADER = "x-origin-verify"
TOKEN = "11111111-1111-4111-8111-111111111111"
SECRET, PREVIOUS = "richesreach/prod/origin-verify", "richesreach/prod/origin-verify-previous"
PLENTY = 800_000


@pytest.fixture(scope="module")
def index() -> ModuleType:
    spec = importlib.util.spec_from_file_location("origin_secret_index", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


class Account:
    """An account as the stacks leave it: secrets, a load balancer a region, one distribution."""

    def __init__(self) -> None:
        self.secrets = boto3.client("secretsmanager", region_name="us-east-1")
        self.cloudfront = boto3.client("cloudfront", region_name="us-east-1")
        self.secrets.create_secret(Name=SECRET, SecretString="value-in-use")
        self.secrets.create_secret(Name=PREVIOUS, SecretString="value-before")
        self.rules = {region: self._listener(region) for region in REGIONS}
        self.distribution = self._distribution()

    def _listener(self, region: str) -> list[str]:
        """ARNs of the rules that ask for the header; the rule for health checks asks for none."""
        ec2, elb = boto3.client("ec2", region_name=region), boto3.client("elbv2", region_name=region)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{region}{zone}")
            for n, zone in enumerate("ab")
        ]
        balancer = elb.create_load_balancer(
            Name="richesreach-prod", Subnets=[subnet["Subnet"]["SubnetId"] for subnet in subnets]
        )["LoadBalancers"][0]["LoadBalancerArn"]
        refuse = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}
        listener = elb.create_listener(
            LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[refuse]
        )["Listeners"][0]["ListenerArn"]
        accept = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
        health = [{"Field": "path-pattern", "Values": ["/health"]}]
        elb.create_rule(ListenerArn=listener, Priority=1, Conditions=health, Actions=[accept])
        made = []
        for priority, paths in ((100, ["/api/*"]), (101, ["/graphql"])):
            asked = {"HttpHeaderName": HEADER, "Values": ["value-in-use", "value-before"]}
            conditions = [
                {"Field": "http-header", "HttpHeaderConfig": asked},
                {"Field": "path-pattern", "PathPatternConfig": {"Values": paths}},
            ]
            rule = elb.create_rule(
                ListenerArn=listener, Priority=priority, Conditions=conditions, Actions=[accept]
            )
            made.append(rule["Rules"][0]["RuleArn"])
        return made

    def _distribution(self) -> str:
        header = {"HeaderName": HEADER, "HeaderValue": "value-in-use"}
        other = {"HeaderName": "x-token-issuer", "HeaderValue": "issuer"}
        origins = [
            {
                "Id": name,
                "DomainName": f"{name}.example.test",
                "CustomHeaders": {"Quantity": 2, "Items": [header, other]},
                "CustomOriginConfig": {
                    "HTTPPort": 80,
                    "HTTPSPort": 443,
                    "OriginProtocolPolicy": "https-only",
                },
            }
            for name in ("latency", "us-east-1")
        ]
        config = {
            "CallerReference": "test",
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 2, "Items": origins},
            "DefaultCacheBehavior": {"TargetOriginId": "latency", "ViewerProtocolPolicy": "https-only"},
        }
        return str(self.cloudfront.create_distribution(DistributionConfig=config)["Distribution"]["Id"])

    def accepted(self, region: str) -> list[set[str]]:
        """Values that each rule of a region accepts."""
        elb = boto3.client("elbv2", region_name=region)
        described = elb.describe_rules(RuleArns=self.rules[region])["Rules"]
        return [
            set(condition["HttpHeaderConfig"]["Values"])
            for rule in described
            for condition in rule["Conditions"]
            if condition["Field"] == "http-header"
        ]

    def sent(self) -> set[str]:
        """Values that the distribution sends, over all its origins."""
        config = self.cloudfront.get_distribution_config(Id=self.distribution)["DistributionConfig"]
        return {
            header["HeaderValue"]
            for origin in config["Origins"]["Items"]
            for header in origin["CustomHeaders"]["Items"]
            if header["HeaderName"] == HEADER
        }

    def value(self, name: str = SECRET, stage: str = "AWSCURRENT") -> str:
        return str(self.secrets.get_secret_value(SecretId=name, VersionStage=stage)["SecretString"])


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Account()


@pytest.fixture
def rotate(index: ModuleType, account: Account, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HEADER", HEADER)
    monkeypatch.setenv("PREVIOUS_SECRET_NAME", PREVIOUS)
    monkeypatch.setenv("LOAD_BALANCER", "richesreach-prod")
    monkeypatch.setenv("REGIONS", ",".join(REGIONS))
    monkeypatch.setenv("DISTRIBUTIONS", account.distribution)

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return PLENTY

    def step(*names: str) -> None:
        for name in names:
            event = {"Step": name, "SecretId": SECRET, "ClientRequestToken": TOKEN}
            index.handler(event, Context())

    return step


ALL = ("createSecret", "setSecret", "testSecret", "finishSecret")


def test_new_value_waits_and_the_one_in_use_stays(rotate: Any, account: Account) -> None:
    rotate("createSecret")
    assert account.value() == "value-in-use"
    pending = account.value(stage="AWSPENDING")
    assert len(pending) == 64
    assert pending.isalnum()


def test_every_rule_of_every_region_accepts_both_before_the_new_value_is_sent(
    rotate: Any, account: Account
) -> None:
    rotate("createSecret", "setSecret")
    both = {"value-in-use", account.value(stage="AWSPENDING")}
    assert [account.accepted(region) for region in REGIONS] == [[both, both], [both, both]]
    assert account.sent() == {account.value(stage="AWSPENDING")}


def test_rule_keeps_its_other_conditions(rotate: Any, account: Account) -> None:
    rotate("createSecret", "setSecret")
    elb = boto3.client("elbv2", region_name="eu-west-1")
    rules = elb.describe_rules(RuleArns=account.rules["eu-west-1"])["Rules"]
    paths = [
        c["PathPatternConfig"]["Values"] for r in rules for c in r["Conditions"] if "PathPatternConfig" in c
    ]
    assert paths == [["/api/*"], ["/graphql"]]


def test_other_headers_of_an_origin_stay(rotate: Any, account: Account) -> None:
    rotate("createSecret", "setSecret")
    config = account.cloudfront.get_distribution_config(Id=account.distribution)["DistributionConfig"]
    values = [h["HeaderValue"] for o in config["Origins"]["Items"] for h in o["CustomHeaders"]["Items"]]
    assert values.count("issuer") == 2


def test_value_that_was_in_use_becomes_the_previous_one(rotate: Any, account: Account) -> None:
    rotate(*ALL)
    assert account.value(PREVIOUS) == "value-in-use"
    assert account.value() in account.sent()
    assert {account.value(), account.value(PREVIOUS)} == account.accepted("us-east-1")[0]


def test_each_step_may_run_twice(rotate: Any, account: Account) -> None:
    rotate(*(step for step in ALL for _ in range(2)))
    assert account.value(PREVIOUS) == "value-in-use"
    assert account.sent() == {account.value()}


def test_distribution_that_sends_another_value_fails_the_test(
    rotate: Any, account: Account, index: ModuleType
) -> None:
    rotate("createSecret")
    with pytest.raises(index.RotationError, match="does not send the new value"):
        rotate("testSecret")


def test_distribution_that_takes_too_long_fails_in_words(
    rotate: Any, account: Account, index: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate("createSecret", "setSecret")
    rotation = index.Rotation(index.Settings.of(index.os.environ), SECRET, TOKEN)
    monkeypatch.setattr(
        rotation.cloudfront, "get_distribution", lambda **_: {"Distribution": {"Status": "InProgress"}}
    )
    times = iter([PLENTY, PLENTY, 0])
    slept: list[float] = []
    with pytest.raises(index.RotationError, match="still being deployed"):
        rotation.test(lambda: next(times), slept.append)
    assert slept == [index.POLL_SECONDS] * 2


def test_region_where_no_rule_asks_for_the_header_fails_the_rotation(
    rotate: Any, account: Account, index: ModuleType
) -> None:
    elb = boto3.client("elbv2", region_name="eu-west-1")
    for rule in account.rules["eu-west-1"]:
        elb.delete_rule(RuleArn=rule)
    rotate("createSecret")
    with pytest.raises(index.RotationError, match="no rule of richesreach-prod in eu-west-1"):
        rotate("setSecret")
    assert account.sent() == {"value-in-use"}


def test_unknown_step_is_named(rotate: Any, index: ModuleType) -> None:
    with pytest.raises(index.RotationError, match="unknown step 'other'"):
        rotate("other")
