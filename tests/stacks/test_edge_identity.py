"""As whom people and machines reach the platform, what browsers are told, and what is written down."""

from __future__ import annotations

import json
from typing import Any

from tests.stacks.assembly import Assembly

EDGE = ("us-east-1", "edge")
STATE = ("us-east-1", "edge-state")


def test_users_of_prod_prove_themselves_twice_and_are_watched(prod: Assembly) -> None:
    pool = prod.one(*STATE, "AWS::Cognito::UserPool").properties
    assert pool["MfaConfiguration"] == "ON"
    assert pool["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]
    assert pool["UserPoolTier"] == "PLUS"
    assert pool["UserPoolAddOns"] == {"AdvancedSecurityMode": "ENFORCED"}
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 14
    assert pool["DeletionProtection"] == "ACTIVE"


def test_only_locally_may_anybody_become_a_user(local: Assembly) -> None:
    pool = local.one(*STATE, "AWS::Cognito::UserPool").properties
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": False}


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


def test_services_client_is_their_own_and_its_secret_stands_in_no_template(prod: Assembly) -> None:
    found = prod.one(*STATE, "AWS::Cognito::UserPoolClient", ClientName="richesreach-prod-neighbours")
    assert found.properties["AllowedOAuthFlows"] == ["client_credentials"]
    secret = prod.one(*STATE, "AWS::SecretsManager::Secret", Name="richesreach/prod/service-client")
    parts = secret.properties["SecretString"]["Fn::Join"][1]
    assert {"Fn::GetAtt": [found.logical_id, "ClientSecret"]} in parts
    assert [part for part in parts if isinstance(part, str)] == [
        '{"client_id":"',
        '","client_secret":"',
        '"}',
    ]
    regions = {replica["Region"] for replica in secret.properties["ReplicaRegions"]}
    assert regions == {"eu-west-1", "ap-southeast-1"}


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
