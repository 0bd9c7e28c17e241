"""Who reaches the platform, as whom, and what is written down about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stacks.edge.countries import COUNTRIES
from stacks.errors import ConfigurationError
from tests.stacks.assembly import Assembly
from tests.stacks.conftest import Synthesise
from tests.stacks.environments import document, put, read

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
        if r.properties["GroupId"]["Fn::GetAtt"][0] in own
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
    secrets = prod.all(*STATE, "AWS::SecretsManager::Secret")
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
    assert group["RuleActionOverrides"] == [{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}]


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


def test_listed_countries_alone_are_admitted(tmp_path: Path, synthesise: Synthesise) -> None:
    chosen = {"mode": "allow", "countries": ["US", "DE"]}
    assembly = synthesise(variant(tmp_path, {"edge.firewall.geography": chosen}))
    first = min(
        assembly.one(*EDGE, "AWS::WAFv2::WebACL").properties["Rules"], key=lambda r: int(r["Priority"])
    )
    assert first["Action"] == {"Block": {}}
    assert first["Statement"]["NotStatement"]["Statement"]["GeoMatchStatement"]["CountryCodes"] == [
        "DE",
        "US",
    ]


def test_staging_distribution_takes_its_share(tmp_path: Path, synthesise: Synthesise) -> None:
    assembly = synthesise(variant(tmp_path, {"edge.http3": False, "edge.staging": {"weight": 0.05}}))
    both = assembly.all(*EDGE, "AWS::CloudFront::Distribution")
    (staging,) = [d for d in both if d.properties["DistributionConfig"].get("Staging")]
    (primary,) = [d for d in both if d is not staging]
    policy = assembly.one(*EDGE, "AWS::CloudFront::ContinuousDeploymentPolicy")
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


def test_users_of_prod_prove_themselves_twice_and_are_watched(prod: Assembly) -> None:
    pool = prod.one(*STATE, "AWS::Cognito::UserPool").properties
    assert pool["MfaConfiguration"] == "ON"
    assert pool["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]
    assert pool["UserPoolTier"] == "PLUS"
    assert pool["UserPoolAddOns"] == {"AdvancedSecurityMode": "ENFORCED"}
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 14
    assert pool["DeletionProtection"] == "ACTIVE"


def test_groups_are_the_platforms_roles(prod: Assembly) -> None:
    groups = {g.properties["GroupName"] for g in prod.all(*STATE, "AWS::Cognito::UserPoolGroup")}
    assert groups == {"viewer", "trader", "admin", "service"}


def client(assembly: Assembly, name: str) -> dict[str, Any]:
    found = assembly.one(*STATE, "AWS::Cognito::UserPoolClient", ClientName=f"richesreach-{name}")
    return dict(found.properties)


def test_password_reaches_cognito_by_srp_alone_in_prod(prod: Assembly, local: Assembly) -> None:
    assert "ALLOW_USER_PASSWORD_AUTH" not in client(prod, "prod-web")["ExplicitAuthFlows"]
    assert "ALLOW_USER_PASSWORD_AUTH" in client(local, "local-web")["ExplicitAuthFlows"]


def test_machine_gets_its_role_as_a_scope(prod: Assembly) -> None:
    service = client(prod, "prod-service")
    assert service["AllowedOAuthFlows"] == ["client_credentials"]
    server = prod.one(*STATE, "AWS::Cognito::UserPoolResourceServer").properties
    assert server["Identifier"] == "richesreach"
    assert [scope["ScopeName"] for scope in server["Scopes"]] == ["service"]
    assert "/service" in str(service["AllowedOAuthScopes"])


def test_browser_is_told_what_the_answers_may_do(prod: Assembly) -> None:
    policy = prod.one(*EDGE, "AWS::CloudFront::ResponseHeadersPolicy").properties
    said = policy["ResponseHeadersPolicyConfig"]
    security = said["SecurityHeadersConfig"]
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31_536_000
    assert security["FrameOptions"] == {"FrameOption": "DENY", "Override": True}
    assert "frame-ancestors 'none'" in security["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert {h["Header"] for h in said["CustomHeadersConfig"]["Items"]} == {
        "Permissions-Policy",
        "Cross-Origin-Opener-Policy",
    }


def test_access_logs_go_to_the_edges_own_bucket(prod: Assembly) -> None:
    bucket = "aws-waf-logs-richesreach-prod-111111111111"
    assert prod.one(*STATE, "AWS::S3::Bucket").properties["BucketName"] == bucket
    destination = prod.one(*EDGE, "AWS::Logs::DeliveryDestination").properties
    assert destination["DestinationResourceArn"] == f"arn:aws:s3:::{bucket}"
    assert destination["OutputFormat"] == "parquet"
    source = prod.one(*EDGE, "AWS::Logs::DeliverySource")
    assert source.properties["LogType"] == "ACCESS_LOGS"
    delivery = prod.one(*EDGE, "AWS::Logs::Delivery")
    assert source.logical_id in delivery.depends_on


def test_firewalls_log_holds_no_token(prod: Assembly) -> None:
    logging = prod.one(*EDGE, "AWS::WAFv2::LoggingConfiguration").properties
    assert {field["SingleHeader"]["Name"] for field in logging["RedactedFields"]} == {
        "authorization",
        "cookie",
        "x-api-key",
    }


def test_only_log_delivery_of_this_account_writes_the_logs(prod: Assembly) -> None:
    document_ = prod.one(*STATE, "AWS::S3::BucketPolicy").properties["PolicyDocument"]
    allowed = [s for s in document_["Statement"] if s["Effect"] == "Allow"]
    assert {json.dumps(s["Principal"]) for s in allowed} == {'{"Service": "delivery.logs.amazonaws.com"}'}
    assert {s["Condition"]["StringEquals"]["aws:SourceAccount"] for s in allowed} == {"111111111111"}


def test_zone_of_prod_is_signed(prod: Assembly, local: Assembly) -> None:
    key = prod.one("us-east-1", "dns", "AWS::KMS::Key").properties
    assert (key["KeySpec"], key["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")
    signing = prod.one("us-east-1", "dns", "AWS::Route53::KeySigningKey")
    assert signing.properties["Name"] == "richesreach_prod_1"
    assert signing.logical_id in prod.one("us-east-1", "dns", "AWS::Route53::DNSSEC").depends_on
    assert not local.all("us-east-1", "dns", "AWS::Route53::DNSSEC")


def test_nobody_but_amazon_may_issue_certificates(prod: Assembly) -> None:
    record = prod.one(*EDGE, "AWS::Route53::RecordSet", Type="CAA").properties
    assert record["ResourceRecords"] == ['0 issue "amazon.com"']
    assert record["Name"] == "richesreach.example."


def test_environment_without_firewall_and_logs_deploys(tmp_path: Path, synthesise: Synthesise) -> None:
    assembly = synthesise(variant(tmp_path, {"edge.firewall": None, "edge.logs": None}))
    assert not assembly.all(*EDGE, "AWS::WAFv2::WebACL")
    assert not assembly.all(*EDGE, "AWS::Logs::Delivery")
    assert not assembly.all(*STATE, "AWS::S3::Bucket")
