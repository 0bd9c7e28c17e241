"""What an edge reads: distribution, function, policies, keys, records and health checks."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import LocalAws, Stack

CODE = "import cf from 'cloudfront';\nfunction handler(event) { return event.request; }\n"
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"


def _record(target: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Route53::RecordSet",
        "Properties": {
            "HostedZoneId": {"Ref": "Zone"},
            "Name": "origin.under.test.",
            "Type": "A",
            "Region": "us-east-1",
            "SetIdentifier": "us-east-1",
            "HealthCheckId": {"Ref": "Check"},
            "AliasTarget": {
                "DNSName": target,
                "HostedZoneId": "Z35SXDOTRQ7X7K",
                "EvaluateTargetHealth": True,
            },
        },
    }


def _distribution() -> dict[str, Any]:
    return {
        "Enabled": True,
        "Aliases": ["app.under.test"],
        "WebACLId": "arn:aws:wafv2:us-east-1:0:global/webacl/edge/1",
        "ViewerCertificate": {
            "AcmCertificateArn": "arn:aws:acm:us-east-1:0:certificate/1",
            "SslSupportMethod": "sni-only",
        },
        "Logging": {"Bucket": "logs.s3.amazonaws.com", "Prefix": "cf/"},
        "Origins": [
            {
                "Id": "latency",
                "DomainName": "origin.under.test",
                "ConnectionAttempts": 1,
                "ConnectionTimeout": 2,
                "CustomOriginConfig": {
                    "HTTPPort": 8080,
                    "OriginProtocolPolicy": "http-only",
                    "OriginReadTimeout": 5,
                },
                "OriginCustomHeaders": [{"HeaderName": "x-origin-verify", "HeaderValue": "secret"}],
            }
        ],
        "DefaultCacheBehavior": {
            "TargetOriginId": "latency",
            "ViewerProtocolPolicy": "redirect-to-https",
            "CachePolicyId": {"Ref": "CachePolicy"},
            "OriginRequestPolicyId": ALL_VIEWER_EXCEPT_HOST,
            "FunctionAssociations": [
                {"EventType": "viewer-request", "FunctionARN": {"Fn::GetAtt": ["Function", "FunctionARN"]}}
            ],
        },
    }


def _resources(target: str = "first.example") -> dict[str, Any]:
    config = {"Type": "HTTPS", "FullyQualifiedDomainName": "origin.under.test", "ResourcePath": "/health"}
    headers = {"HeaderBehavior": "whitelist", "Headers": ["CloudFront-Viewer-Latitude"]}
    key: dict[str, Any] = {"HeadersConfig": headers}
    key |= {"CookiesConfig": {"CookieBehavior": "none"}, "QueryStringsConfig": {"QueryStringBehavior": "all"}}
    key |= {"EnableAcceptEncodingGzip": True}
    policy = {
        "Name": "api",
        "MinTTL": 0,
        "DefaultTTL": 0,
        "MaxTTL": 1,
        "ParametersInCacheKeyAndForwardedToOrigin": key,
    }
    made: dict[str, tuple[str, dict[str, Any]]] = {
        "Zone": ("Route53::HostedZone", {"Name": "under.test"}),
        "Check": (
            "Route53::HealthCheck",
            {
                "HealthCheckConfig": {
                    **config,
                    "Regions": ["us-east-1", "eu-west-1", "us-west-2"],
                    "MeasureLatency": True,
                }
            },
        ),
        "Store": ("CloudFront::KeyValueStore", {"Name": "under-test"}),
        "Function": (
            "CloudFront::Function",
            {
                "Name": "viewer-request",
                "AutoPublish": True,
                "FunctionCode": CODE,
                "FunctionConfig": {
                    "Comment": "c",
                    "Runtime": "cloudfront-js-2.0",
                    "KeyValueStoreAssociations": [{"KeyValueStoreARN": {"Fn::GetAtt": ["Store", "Arn"]}}],
                },
            },
        ),
        "CachePolicy": ("CloudFront::CachePolicy", {"CachePolicyConfig": policy}),
        "Distribution": ("CloudFront::Distribution", {"DistributionConfig": _distribution()}),
    }
    found = {lid: {"Type": f"AWS::{kind}", "Properties": props} for lid, (kind, props) in made.items()}
    return {**found, "Record": _record(target)}


OUTPUTS = {name: {"Ref": name} for name in ("Zone", "Check", "CachePolicy", "Distribution")}
OUTPUTS["Store"] = {"Fn::GetAtt": ["Store", "Arn"]}  # type: ignore[dict-item]


@pytest.fixture(scope="module")
def edge(aws: LocalAws) -> Stack:
    return aws.deploy(_resources(), OUTPUTS)


def _records(aws: LocalAws, edge: Stack) -> list[dict[str, Any]]:
    found = aws.client("route53").list_resource_record_sets(HostedZoneId=edge.outputs["Zone"])[
        "ResourceRecordSets"
    ]
    return [record for record in found if record["Type"] == "A"]


def test_a_health_check_reads_back(aws: LocalAws, edge: Stack) -> None:
    config = aws.client("route53").get_health_check(HealthCheckId=edge.outputs["Check"])["HealthCheck"][
        "HealthCheckConfig"
    ]
    assert (config["ResourcePath"], config["Regions"], config["MeasureLatency"]) == (
        "/health",
        ["us-east-1", "eu-west-1", "us-west-2"],
        True,
    )


def test_a_latency_record_keeps_what_routes_it_and_changes_in_place(aws: LocalAws, edge: Stack) -> None:
    (record,) = _records(aws, edge)
    assert (record["Region"], record["SetIdentifier"]) == ("us-east-1", "us-east-1")
    assert record["HealthCheckId"] == edge.outputs["Check"]
    assert record["AliasTarget"]["EvaluateTargetHealth"] is True
    edge.apply(_resources("second.example"), OUTPUTS, update=True)
    assert [each["AliasTarget"]["DNSName"] for each in _records(aws, edge)] == ["second.example."]


def test_a_distribution_reads_back(aws: LocalAws, edge: Stack) -> None:
    config = aws.client("cloudfront").get_distribution_config(Id=edge.outputs["Distribution"])[
        "DistributionConfig"
    ]
    origin, behaviour = config["Origins"]["Items"][0], config["DefaultCacheBehavior"]
    assert (origin["CustomOriginConfig"]["HTTPPort"], origin["CustomOriginConfig"]["OriginReadTimeout"]) == (
        8080,
        5,
    )
    assert (origin["ConnectionAttempts"], origin["ConnectionTimeout"]) == (1, 2)
    assert origin["CustomHeaders"]["Items"] == [{"HeaderName": "x-origin-verify", "HeaderValue": "secret"}]
    assert behaviour["CachePolicyId"] == edge.outputs["CachePolicy"]
    assert behaviour["OriginRequestPolicyId"] == ALL_VIEWER_EXCEPT_HOST
    assert behaviour["FunctionAssociations"]["Items"][0]["EventType"] == "viewer-request"
    assert config["Aliases"]["Items"] == ["app.under.test"]
    assert config["Logging"]["Prefix"] == "cf/"


def test_a_function_is_live_with_its_store(aws: LocalAws, edge: Stack) -> None:
    cloudfront = aws.client("cloudfront")
    assert (
        cloudfront.get_function(Name="viewer-request", Stage="LIVE")["FunctionCode"].read().decode() == CODE
    )
    summary = cloudfront.describe_function(Name="viewer-request", Stage="LIVE")["FunctionSummary"]
    stores = summary["FunctionConfig"]["KeyValueStoreAssociations"]["Items"]
    assert stores == [{"KeyValueStoreARN": edge.outputs["Store"]}]


def test_own_and_managed_policies_read_back(aws: LocalAws, edge: Stack) -> None:
    cloudfront = aws.client("cloudfront")
    own = cloudfront.get_cache_policy(Id=edge.outputs["CachePolicy"])["CachePolicy"]["CachePolicyConfig"]
    assert own["MaxTTL"] == 1
    headers = own["ParametersInCacheKeyAndForwardedToOrigin"]["HeadersConfig"]["Headers"]["Items"]
    assert headers == ["CloudFront-Viewer-Latitude"]
    assert cloudfront.get_cache_policy(Id=CACHING_DISABLED)["CachePolicy"]["CachePolicyConfig"]["MaxTTL"] == 0
    managed = cloudfront.get_origin_request_policy(Id=ALL_VIEWER_EXCEPT_HOST)["OriginRequestPolicy"]
    assert managed["OriginRequestPolicyConfig"]["HeadersConfig"]["Headers"]["Items"] == ["Host"]


def _without_account_in_host(request: Any, **_: Any) -> None:
    # The data API puts the account before the endpoint's host; no resolver knows it before 127.0.0.1.
    request.url = request.url.replace("//000000000000.", "//")


def test_a_key_is_written_read_and_deleted(aws: LocalAws, edge: Stack) -> None:
    keys, store = aws.client("cloudfront-keyvaluestore"), edge.outputs["Store"]
    keys.meta.events.register("before-send.cloudfront-keyvaluestore", _without_account_in_host)
    tag = keys.describe_key_value_store(KvsARN=store)["ETag"]
    tag = keys.put_key(KvsARN=store, Key="drained", Value="eu-west-1", IfMatch=tag)["ETag"]
    assert keys.get_key(KvsARN=store, Key="drained")["Value"] == "eu-west-1"
    assert [item["Key"] for item in keys.list_keys(KvsARN=store)["Items"]] == ["drained"]
    keys.delete_key(KvsARN=store, Key="drained", IfMatch=tag)
    assert keys.list_keys(KvsARN=store)["Items"] == []
