"""The web ACL before the distribution, and what of the edge's configuration is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stacks.edge.countries import COUNTRIES
from stacks.errors import ConfigurationError
from tests.stacks.assembly import Assembly
from tests.stacks.conftest import Synthesise
from tests.stacks.environments import document, put, read

EDGE = ("us-east-1", "edge")
STATE = ("us-east-1", "edge-state")


@pytest.fixture
def acl(prod: Assembly) -> dict[str, Any]:
    return dict(prod.one(*EDGE, "AWS::WAFv2::WebACL").properties)


def test_firewall_stands_before_the_distribution(prod: Assembly, acl: dict[str, Any]) -> None:
    made = prod.one(*EDGE, "AWS::WAFv2::WebACL")
    config = prod.one(*EDGE, "AWS::CloudFront::Distribution").properties["DistributionConfig"]
    assert config["WebACLId"] == {"Fn::GetAtt": [made.logical_id, "Arn"]}
    assert acl["Scope"] == "CLOUDFRONT"


def test_rules_are_tried_in_order_the_cheap_ones_first(acl: dict[str, Any]) -> None:
    rules = sorted(acl["Rules"], key=lambda rule: int(rule["Priority"]))
    assert [rule["Name"] for rule in rules] == [
        "ip-reputation",
        "anonymous-ip",
        "rate-sign-in",
        "rate-ai",
        "rate-models",
        "rate-graphql",
        "rate-general",
        "common",
        "known-bad-inputs",
        "sql-injection",
        "bodies",
        "bot-control",
    ]


def rule(acl: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in acl["Rules"] if each["Name"] == name]
    return dict(found)


def test_group_counts_or_blocks_as_the_file_says(acl: dict[str, Any]) -> None:
    assert rule(acl, "anonymous-ip")["OverrideAction"] == {"Count": {}}
    assert rule(acl, "common")["OverrideAction"] == {"None": {}}


def test_large_bodies_are_counted_and_not_refused(acl: dict[str, Any]) -> None:
    group = rule(acl, "common")["Statement"]["ManagedRuleGroupStatement"]
    assert {"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}} in group["RuleActionOverrides"]


def test_what_is_found_in_a_body_refuses_it_but_where_bodies_are_prose(acl: dict[str, Any]) -> None:
    found, *elsewhere = rule(acl, "bodies")["Statement"]["AndStatement"]["Statements"]
    labels = {each["LabelMatchStatement"]["Key"] for each in found["OrStatement"]["Statements"]}
    assert "awswaf:managed:aws:sql-database:SQLi_Body" in labels
    paths = [each["NotStatement"]["Statement"]["ByteMatchStatement"] for each in elsewhere]
    assert [(path["PositionalConstraint"], path["SearchString"]) for path in paths] == [
        ("STARTS_WITH", "/ai/"),
        ("STARTS_WITH", "/v1/"),
    ]
    assert "Block" in rule(acl, "bodies")["Action"]


def test_each_label_that_blocks_is_left_by_a_rule_that_counts(acl: dict[str, Any]) -> None:
    groups = {name: rule(acl, name) for name in ("common", "known-bad-inputs", "sql-injection")}
    counted = {
        override["Name"].removesuffix("_BODY")
        for group in groups.values()
        for override in group["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]
    }
    statement = rule(acl, "bodies")["Statement"]["AndStatement"]["Statements"][0]
    labels = [each["LabelMatchStatement"]["Key"] for each in statement["OrStatement"]["Statements"]]
    assert {label.rpartition(":")[2].removesuffix("_Body") for label in labels} == counted - {
        "SizeRestrictions"
    }
    assert int(rule(acl, "bodies")["Priority"]) > max(int(g["Priority"]) for g in groups.values())


def test_rate_of_a_path_is_counted_by_address_and_answers_429(acl: dict[str, Any]) -> None:
    limited = rule(acl, "rate-graphql")
    statement = limited["Statement"]["RateBasedStatement"]
    assert (statement["AggregateKeyType"], statement["Limit"]) == ("IP", 3000)
    narrowed = statement["ScopeDownStatement"]["ByteMatchStatement"]
    assert (narrowed["PositionalConstraint"], narrowed["SearchString"]) == ("STARTS_WITH", "/graphql")
    assert limited["Action"]["Block"]["CustomResponse"]["ResponseCode"] == 429
    assert "ScopeDownStatement" not in rule(acl, "rate-general")["Statement"]["RateBasedStatement"]


def variant(tmp_path: Path, changes: dict[str, object]) -> Any:
    contents = document()
    for key, value in changes.items():
        contents = put(contents, key, value)
    return read(tmp_path, contents)


def test_listed_countries_alone_are_admitted(optioned: Assembly) -> None:
    first = min(
        optioned.one(*EDGE, "AWS::WAFv2::WebACL").properties["Rules"], key=lambda r: int(r["Priority"])
    )
    assert first["Action"] == {"Block": {}}
    assert first["Statement"]["NotStatement"]["Statement"]["GeoMatchStatement"]["CountryCodes"] == [
        "DE",
        "US",
    ]


def test_staging_distribution_takes_its_share(optioned: Assembly) -> None:
    both = optioned.all(*EDGE, "AWS::CloudFront::Distribution")
    (staging,) = [d for d in both if d.properties["DistributionConfig"].get("Staging")]
    (primary,) = [d for d in both if d is not staging]
    policy = optioned.one(*EDGE, "AWS::CloudFront::ContinuousDeploymentPolicy")
    assert primary.properties["DistributionConfig"]["ContinuousDeploymentPolicyId"] == {
        "Ref": policy.logical_id
    }
    said = policy.properties["ContinuousDeploymentPolicyConfig"]
    assert said["TrafficConfig"]["SingleWeightConfig"] == {"Weight": 0.05}
    assert "Aliases" not in staging.properties["DistributionConfig"]
    assert {d.properties["DistributionConfig"]["HttpVersion"] for d in both} == {"http2"}


WRONG: dict[str, tuple[dict[str, object], str, str, str]] = {
    "country that does not exist": (
        {"edge.firewall.geography": {"mode": "deny", "countries": ["UK"]}},
        "edge.firewall.geography.countries.0",
        "'UK' is no country",
        "ISO 3166-1 alpha-2",
    ),
    "country named twice": (
        {"edge.firewall.geography": {"mode": "deny", "countries": ["DE", "DE"]}},
        "edge.firewall.geography",
        "names a country twice",
        "remove",
    ),
    "nobody admitted": (
        {"edge.firewall.geography": {"mode": "allow", "countries": []}},
        "edge.firewall.geography",
        "admits nobody",
        "list the countries",
    ),
    "unknown action": (
        {"edge.firewall.managed.common": "log"},
        "edge.firewall.managed.common",
        "'count'",
        "log",
    ),
    "rate rule twice": (
        {"edge.firewall.rates": [{"name": "ai", "path": "/ai/", "requests": 10}] * 2},
        "edge.firewall",
        "names a rule twice",
        "own name",
    ),
    "rate below what a firewall takes": (
        {"edge.firewall.rates": [{"name": "ai", "path": "/ai/", "requests": 9}]},
        "edge.firewall.rates.0.requests",
        "greater than or equal to 10",
        "9",
    ),
    "staging beside HTTP/3": (
        {"edge.staging": {"weight": 0.05}},
        "edge.http3",
        "takes no continuous deployment",
        "set it to false",
    ),
    "staging by two ways": (
        {"edge.http3": False, "edge.staging": {"weight": 0.05, "header": "aws-cf-cd-try", "value": "1"}},
        "edge.staging",
        "by weight or by header",
        "exactly one",
    ),
    "own authority forbidden": (
        {"edge.certificate_authorities": ["letsencrypt.org"]},
        "edge.certificate_authorities",
        "forbids Amazon",
        "add amazon.com",
    ),
    "failover slower than no failover": (
        {"edge.origin_failover_seconds": 31},
        "edge.origin_failover_seconds",
        "longer than origin_read_seconds",
        "lower it",
    ),
    "load balancer open to the internet": (
        {"load_balancer.allowed_cidrs": ["0.0.0.0/0"]},
        "load_balancer",
        "opens the load balancers to the internet",
        "/8",
    ),
    "load balancer closed to everybody": (
        {"load_balancer.managed_prefix_lists": False},
        "load_balancer",
        "nobody may connect",
        "managed_prefix_lists",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_edge_is_refused_with_key_and_mend(case: str, tmp_path: Path) -> None:
    changes, key, problem, mend = WRONG[case]
    with pytest.raises(ConfigurationError) as caught:
        variant(tmp_path, changes)
    said = str(caught.value)
    assert caught.value.key == key
    assert problem in said
    assert mend in said


def test_every_iso_country_may_be_named() -> None:
    assert len(COUNTRIES) == 250
    assert {"US", "DE", "SG", "XK"} <= COUNTRIES
    assert not {"UK", "EU", "ZZ"} & COUNTRIES


def test_environment_without_firewall_and_logs_deploys(tmp_path: Path, synthesise: Synthesise) -> None:
    assembly = synthesise(variant(tmp_path, {"edge.firewall": None, "edge.logs": None}))
    assert not assembly.all(*EDGE, "AWS::WAFv2::WebACL")
    assert not assembly.all(*EDGE, "AWS::Logs::Delivery")
    assert not assembly.all(*STATE, "AWS::S3::Bucket")
