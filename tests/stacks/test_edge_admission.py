"""Who reaches a load balancer: what came through the edge, known by a value that rotates."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stacks.assembly import Assembly

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
EDGE = ("us-east-1", "edge")
STATE = ("us-east-1", "edge-state")


def listener_rules(assembly: Assembly, region: str) -> list[dict[str, Any]]:
    found = assembly.all(region, "ecs", "AWS::ElasticLoadBalancingV2::ListenerRule")
    return sorted((rule.properties for rule in found), key=lambda rule: int(rule["Priority"]))


def header(rule: dict[str, Any]) -> list[str] | None:
    """Values of the origin-verify header that a rule asks for."""
    for condition in rule["Conditions"]:
        if condition["Field"] == "http-header":
            assert condition["HttpHeaderConfig"]["HttpHeaderName"] == "x-origin-verify"
            return list(condition["HttpHeaderConfig"]["Values"])
    return None


@pytest.mark.parametrize("name", ["prod", "local", "single"])
def test_only_the_health_check_passes_a_load_balancer_without_the_header(
    name: str, request: pytest.FixtureRequest
) -> None:
    assembly: Assembly = request.getfixturevalue(name)
    for region in assembly.regions("ecs"):
        first, *others = listener_rules(assembly, region)
        assert header(first) is None
        assert first["Conditions"][0]["PathPatternConfig"]["Values"] == ["/health"]
        assert others
        assert all(header(rule) for rule in others)
        listener = assembly.one(region, "ecs", "AWS::ElasticLoadBalancingV2::Listener").properties
        assert listener["DefaultActions"][0]["FixedResponseConfig"]["StatusCode"] == "403"


@pytest.mark.parametrize("region", REGIONS)
def test_load_balancer_accepts_the_value_in_use_and_the_one_before(region: str, prod: Assembly) -> None:
    for rule in listener_rules(prod, region)[1:]:
        assert header(rule) == [
            "{{resolve:secretsmanager:richesreach/prod/origin-verify:SecretString}}",
            "{{resolve:secretsmanager:richesreach/prod/origin-verify-previous:SecretString}}",
        ]


@pytest.mark.parametrize("region", REGIONS)
def test_load_balancer_of_prod_admits_two_managed_lists_and_nobody_else(region: str, prod: Assembly) -> None:
    balancer = prod.one(region, "ecs", "AWS::ElasticLoadBalancingV2::LoadBalancer").properties
    own = {reference["Fn::GetAtt"][0] for reference in balancer["SecurityGroups"]}
    groups = [g for g in prod.all(region, "ecs", "AWS::EC2::SecurityGroup") if g.logical_id in own]
    inline = [r for g in groups for r in g.properties.get("SecurityGroupIngress", [])]
    beside = [
        r.properties
        for r in prod.all(region, "ecs", "AWS::EC2::SecurityGroupIngress")
        if r.properties["GroupId"].get("Fn::GetAtt", [None])[0] in own
    ]
    sources = [rule.get("SourcePrefixListId", {}).get("Fn::GetAtt", [None, None])[1] for rule in beside]
    assert inline == []
    assert sorted(sources) == ["CloudFront", "HealthCheckers"]
    # The list weighs 55 of the 60 rules that a group takes.
    assert len({rule["GroupId"]["Fn::GetAtt"][0] for rule in beside}) == 2
    assert {(rule["FromPort"], rule["ToPort"]) for rule in beside} == {(443, 443)}


@pytest.mark.parametrize("region", REGIONS)
def test_prefix_lists_are_asked_for_in_their_own_region(region: str, prod: Assembly) -> None:
    found = prod.one(region, "ecs", "Custom::PrefixLists").properties["Names"]
    assert found == {
        "CloudFront": "com.amazonaws.global.cloudfront.origin-facing",
        "HealthCheckers": f"com.amazonaws.{region}.route53-healthchecks",
    }


def test_origin_secrets_are_drawn_and_replicated_to_every_region(prod: Assembly) -> None:
    found = prod.all(*STATE, "AWS::SecretsManager::Secret")
    secrets = [secret for secret in found if "/origin-verify" in secret.properties["Name"]]
    assert {s.properties["Name"] for s in secrets} == {
        "richesreach/prod/origin-verify",
        "richesreach/prod/origin-verify-previous",
    }
    for secret in secrets:
        assert secret.properties["GenerateSecretString"]["PasswordLength"] == 64
        assert secret.properties["GenerateSecretString"]["ExcludePunctuation"] is True
        assert {r["Region"] for r in secret.properties["ReplicaRegions"]} == set(REGIONS[1:])


def test_origin_secret_rotates(prod: Assembly) -> None:
    schedule = prod.one(*EDGE, "AWS::SecretsManager::RotationSchedule").properties
    assert schedule["SecretId"] == "richesreach/prod/origin-verify"
    assert schedule["RotationRules"] == {"AutomaticallyAfterDays": 30}
    (rotating,) = [f for f in prod.all(*EDGE, "AWS::Lambda::Function") if "Environment" in f.properties]
    variables = rotating.properties["Environment"]["Variables"]
    assert variables["REGIONS"] == ",".join(REGIONS)
    assert variables["DISTRIBUTIONS"] == {"Ref": prod.one(*EDGE, "AWS::CloudFront::Distribution").logical_id}


def test_secrets_exist_before_the_rules_that_name_them(prod: Assembly) -> None:
    for region in REGIONS:
        assert prod.stack_id(*STATE) in prod.depends(prod.stack_id(region, "ecs"))
