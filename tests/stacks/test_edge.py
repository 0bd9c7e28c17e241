"""How viewers reach a region: records, certificates, distribution, viewer-request function."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stacks.edge import routing
from stacks.edge.routing import FUNCTION_LIMIT, function_code
from stacks.errors import ConfigurationError
from stacks.regions import REGIONS as TABLE
from tests.stacks.assembly import Assembly, Resource

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
DOMAIN = "richesreach.example"
EDGE = ("us-east-1", "edge")


@pytest.fixture
def distribution(prod: Assembly) -> dict[str, Any]:
    found: dict[str, Any] = prod.one(*EDGE, "AWS::CloudFront::Distribution").properties["DistributionConfig"]
    return found


def record(assembly: Assembly, region: str, name: str) -> Resource:
    return assembly.one(region, "ecs", "AWS::Route53::RecordSet", Name=f"{name}.")


@pytest.mark.parametrize("region", REGIONS)
def test_latency_record_is_weighed_by_region_and_health(region: str, prod: Assembly) -> None:
    check = prod.one(region, "ecs", "AWS::Route53::HealthCheck")
    latency = record(prod, region, f"origin.{DOMAIN}").properties
    assert (latency["Region"], latency["SetIdentifier"]) == (region, region)
    assert latency["HealthCheckId"] == {"Fn::GetAtt": [check.logical_id, "HealthCheckId"]}


@pytest.mark.parametrize("region", REGIONS)
def test_region_has_a_record_of_its_own(region: str, prod: Assembly) -> None:
    own = record(prod, region, f"origin-{region}.{DOMAIN}").properties
    assert own["AliasTarget"] == record(prod, region, f"origin.{DOMAIN}").properties["AliasTarget"]
    assert not {"Region", "SetIdentifier", "HealthCheckId"} & set(own)


@pytest.mark.parametrize("region", REGIONS)
def test_health_check_asks_the_region_itself_over_tls(region: str, prod: Assembly) -> None:
    config = prod.one(region, "ecs", "AWS::Route53::HealthCheck").properties["HealthCheckConfig"]
    assert (config["Type"], config["Port"]) == ("HTTPS", 443)
    assert config["FullyQualifiedDomainName"] == f"origin-{region}.{DOMAIN}"
    assert (config["ResourcePath"], config["RequestInterval"]) == ("/health", 10)


@pytest.mark.parametrize("region", REGIONS)
def test_certificate_names_both_origins(region: str, prod: Assembly) -> None:
    certificate = prod.one(region, "ecs", "AWS::CertificateManager::Certificate").properties
    names = {certificate["DomainName"], *certificate["SubjectAlternativeNames"]}
    assert names == {f"origin.{DOMAIN}", f"origin-{region}.{DOMAIN}"}


def test_local_asks_for_no_certificate(local: Assembly) -> None:
    for region in REGIONS:
        assert not local.all(region, "ecs", "AWS::CertificateManager::Certificate")
    assert not local.all(*EDGE, "AWS::CertificateManager::Certificate")


def test_latency_and_every_region_are_origins(distribution: dict[str, Any]) -> None:
    assert {origin["Id"]: origin["DomainName"] for origin in distribution["Origins"]} == {
        "latency": f"origin.{DOMAIN}",
        "latency-stream": f"origin.{DOMAIN}",
        **{
            f"{region}{kind}": f"origin-{region}.{DOMAIN}"
            for region in REGIONS
            for kind in ("", "-read", "-stream")
        },
    }


def test_api_behaviour_targets_one_origin_and_takes_writes(distribution: dict[str, Any]) -> None:
    behaviour = distribution["DefaultCacheBehavior"]
    assert behaviour["TargetOriginId"] == "latency"
    assert "OriginGroups" not in distribution  # a behaviour that takes POST may not target a group
    assert {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"} == set(behaviour["AllowedMethods"])


def test_origins_of_prod_are_reached_over_tls_alone(distribution: dict[str, Any]) -> None:
    for origin in distribution["Origins"]:
        assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
        assert origin["CustomOriginConfig"]["OriginSSLProtocols"] == ["TLSv1.2"]
        assert (origin["ConnectionTimeout"], origin["CustomOriginConfig"]["HTTPSPort"]) == (2, 443)


def test_origins_of_local_are_reached_on_the_load_balancers_port(local: Assembly) -> None:
    config = local.one(*EDGE, "AWS::CloudFront::Distribution").properties["DistributionConfig"]
    for origin in config["Origins"]:
        assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "http-only"
        assert origin["CustomOriginConfig"]["HTTPPort"] == 8080


def test_viewers_of_prod_need_tls_1_2(distribution: dict[str, Any]) -> None:
    assert distribution["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert distribution["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "redirect-to-https"
    assert distribution["Aliases"] == [DOMAIN]
    assert distribution["HttpVersion"] == "http2and3"


def test_cache_policy_keys_on_caller_and_place_and_caches_nothing_by_default(
    prod: Assembly, distribution: dict[str, Any]
) -> None:
    (policy,) = [
        p
        for p in prod.all(*EDGE, "AWS::CloudFront::CachePolicy")
        if p.properties["CachePolicyConfig"]["Name"] == "richesreach-prod-api"
    ]
    assert distribution["DefaultCacheBehavior"]["CachePolicyId"] == {"Ref": policy.logical_id}
    config = policy.properties["CachePolicyConfig"]
    assert (config["MinTTL"], config["DefaultTTL"], config["MaxTTL"]) == (0, 0, 1)
    headers = config["ParametersInCacheKeyAndForwardedToOrigin"]["HeadersConfig"]
    assert headers["HeaderBehavior"] == "whitelist"
    assert set(headers["Headers"]) == {
        "Authorization",
        "CloudFront-Viewer-Latitude",
        "CloudFront-Viewer-Longitude",
    }


def test_origin_gets_every_header_of_the_viewer_but_host(distribution: dict[str, Any]) -> None:
    managed = "b689b0a8-53d0-40ab-baf2-68738e2966ac"  # AllViewerExceptHostHeader
    assert distribution["DefaultCacheBehavior"]["OriginRequestPolicyId"] == managed


def test_function_runs_on_viewer_requests_with_the_routing_store(
    prod: Assembly, distribution: dict[str, Any]
) -> None:
    function = prod.one(*EDGE, "AWS::CloudFront::Function")
    store = prod.one(*EDGE, "AWS::CloudFront::KeyValueStore")
    (association,) = distribution["DefaultCacheBehavior"]["FunctionAssociations"]
    assert association["EventType"] == "viewer-request"
    assert association["FunctionARN"] == {"Fn::GetAtt": [function.logical_id, "FunctionARN"]}
    assert store.properties["Name"] == "richesreach-prod-routing"
    assert store.logical_id in str(function.properties["FunctionConfig"]["KeyValueStoreAssociations"])
    assert function.properties["FunctionConfig"]["Runtime"] == "cloudfront-js-2.0"
    assert function.properties["AutoPublish"] is True


@pytest.mark.parametrize("name", ["prod", "local", "single", "twelve"])
def test_function_knows_every_region_and_fits_what_cloudfront_takes(
    name: str, request: pytest.FixtureRequest
) -> None:
    assembly: Assembly = request.getfixturevalue(name)
    code = assembly.one(*EDGE, "AWS::CloudFront::Function").properties["FunctionCode"]
    regions = sorted(assembly.regions("ecs"))
    places = {region: list(TABLE[region].location) for region in regions}
    assert f"const REGIONS = {json.dumps(places, separators=(',', ':'))};" in code
    assert "__" not in code
    assert len(code.encode()) <= FUNCTION_LIMIT == 10 * 1024


def test_function_that_exceeds_cloudfronts_limit_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    source = tmp_path / "viewer_request.js"
    source.write_text("const REGIONS = __REGIONS__;\n" + "x" * FUNCTION_LIMIT)
    monkeypatch.setattr(routing, "SOURCE", source)
    with pytest.raises(ConfigurationError, match=f"exceed {FUNCTION_LIMIT}; shorten the function"):
        function_code(["us-east-1"], [])


def test_site_is_an_alias_of_the_distribution_for_both_address_families(prod: Assembly) -> None:
    records = prod.all(*EDGE, "AWS::Route53::RecordSet")
    assert {r.properties["Type"] for r in records} == {"A", "AAAA", "CAA"}
    assert {r.properties["Name"] for r in records} == {f"{DOMAIN}."}


def test_ops_find_distribution_and_store_by_name(prod: Assembly) -> None:
    names = {p.properties["Name"] for p in prod.all(*EDGE, "AWS::SSM::Parameter")}
    assert names == {
        f"/richesreach/prod/edge/{name}"
        for name in ("distribution-id", "distribution-domain", "routing-store-arn", "regions")
    }


def test_edge_publishes_the_regions_that_serve(prod: Assembly) -> None:
    regions = prod.one(*EDGE, "AWS::SSM::Parameter", Name="/richesreach/prod/edge/regions")
    assert regions.properties["Value"].split(",") == list(REGIONS)


def test_imported_zone_is_not_made_anew(single: Assembly) -> None:
    assert not single.all("us-east-1", "dns", "AWS::Route53::HostedZone")
    latency = record(single, "eu-central-1", f"origin.{DOMAIN}")
    assert latency.properties["HostedZoneId"] == "Z0123456789ABCDEFGHIJ"
