"""Which behaviour serves which path, with which origin, cache and functions."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.edge import edge_function
from stacks.edge.behaviours import MOST, behaviours, table
from stacks.edge.edge_function import EdgeFunction, check_size, check_variables, stage
from stacks.edge_paths import CachedPath
from stacks.errors import ConfigurationError
from stacks.manifest import Manifest, load_manifests
from stacks.yaml_file import ROOT
from tests.stacks.assembly import Assembly, Resource

EDGE = ("us-east-1", "edge")


@pytest.fixture
def config(prod: Assembly) -> dict[str, Any]:
    found: dict[str, Any] = prod.one(*EDGE, "AWS::CloudFront::Distribution").properties["DistributionConfig"]
    return found


def behaviour(config: dict[str, Any], path: str) -> dict[str, Any]:
    (found,) = [each for each in config["CacheBehaviors"] if each["PathPattern"] == path]
    return dict(found)


def policy(prod: Assembly, reference: dict[str, str]) -> dict[str, Any]:
    (found,) = [
        p for p in prod.all(*EDGE, "AWS::CloudFront::CachePolicy") if p.logical_id == reference["Ref"]
    ]
    made: dict[str, Any] = found.properties["CachePolicyConfig"]
    return made


def test_protected_paths_come_before_all_others(config: dict[str, Any]) -> None:
    assert [each["PathPattern"] for each in config["CacheBehaviors"]] == [
        "/api/status/cache/clear",
        "/ai/sentiment/*",
        "/ai/optimize/*",
        "/v1/embeddings",
        "/ai/analyze/*",
        "/ai/members/*",
        "/ai/budgets*",
        "/api/admin/*",
        "/api/users/*",
        "/api/keys*",
        "/features/openapi.json",
        "/market/openapi.json",
        "/api/openapi.json",
        "/ai/openapi.json",
        "/v1/chat/completions",
        "/ai/route/batch",
        "/ai/route",
        "/graphql",
    ]


def test_every_behaviour_targets_the_latency_record_and_no_group(config: dict[str, Any]) -> None:
    targets = {each["TargetOriginId"] for each in [*config["CacheBehaviors"], config["DefaultCacheBehavior"]]}
    assert targets == {"latency"}
    assert "OriginGroups" not in config


def origin(config: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in config["Origins"] if each["Id"] == name]
    return dict(found)


def test_read_that_may_fail_over_gives_up_early_and_tries_once(config: dict[str, Any]) -> None:
    read = origin(config, "eu-west-1-read")
    assert (read["ConnectionAttempts"], read["ConnectionTimeout"]) == (1, 2)
    assert read["CustomOriginConfig"]["OriginReadTimeout"] == 5


@pytest.mark.parametrize("name", ["latency-stream", "ap-southeast-1-stream"])
def test_stream_may_be_silent_for_longer(name: str, config: dict[str, Any]) -> None:
    assert origin(config, name)["CustomOriginConfig"]["OriginReadTimeout"] == 60


def test_every_origin_proves_where_a_request_came_from(config: dict[str, Any]) -> None:
    for each in config["Origins"]:
        headers = {h["HeaderName"]: h["HeaderValue"] for h in each["OriginCustomHeaders"]}
        assert headers["x-origin-verify"] == (
            "{{resolve:secretsmanager:richesreach/prod/origin-verify:SecretString}}"
        )
        assert set(headers) == {"x-origin-verify", "x-token-issuer", "x-token-audience"}


def test_cached_path_is_kept_for_its_lifetime_and_by_nothing_of_the_viewers_own(
    prod: Assembly, config: dict[str, Any]
) -> None:
    cached = policy(prod, behaviour(config, "/api/openapi.json")["CachePolicyId"])
    assert (cached["MinTTL"], cached["DefaultTTL"], cached["MaxTTL"]) == (0, 300, 300)
    key = cached["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["HeadersConfig"] == {"HeaderBehavior": "none"}
    assert key["CookiesConfig"] == {"CookieBehavior": "none"}
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "none"}


def test_cached_path_sends_nothing_of_the_viewers_own_to_the_origin(
    prod: Assembly, config: dict[str, Any]
) -> None:
    sent = prod.one(*EDGE, "AWS::CloudFront::OriginRequestPolicy")
    assert behaviour(config, "/api/openapi.json")["OriginRequestPolicyId"] == {"Ref": sent.logical_id}
    said = sent.properties["OriginRequestPolicyConfig"]
    assert set(said["HeadersConfig"]["Headers"]) == {
        "X-Request-Id",
        "X-Forwarded-Host",
        "CloudFront-Viewer-Latitude",
        "CloudFront-Viewer-Longitude",
    }
    assert said["CookiesConfig"] == {"CookieBehavior": "none"}


def test_cached_path_is_read_only(config: dict[str, Any]) -> None:
    assert behaviour(config, "/api/openapi.json")["AllowedMethods"] == ["GET", "HEAD", "OPTIONS"]


def test_stream_is_never_compressed(prod: Assembly, config: dict[str, Any]) -> None:
    stream = behaviour(config, "/graphql")
    assert stream["Compress"] is False
    key = policy(prod, stream["CachePolicyId"])["ParametersInCacheKeyAndForwardedToOrigin"]
    assert (key["EnableAcceptEncodingGzip"], key["EnableAcceptEncodingBrotli"]) == (False, False)


def events(each: dict[str, Any]) -> list[str]:
    return [association["EventType"] for association in each.get("LambdaFunctionAssociations", [])]


def test_token_is_checked_on_protected_paths_alone(config: dict[str, Any]) -> None:
    checked = [b["PathPattern"] for b in config["CacheBehaviors"] if "origin-request" in events(b)]
    listed = [each.path for manifest in load_manifests() for each in manifest.protected]
    assert sorted(checked) == sorted(listed)
    assert "origin-request" not in events(config["DefaultCacheBehavior"])


def test_no_behaviour_has_two_functions_on_viewer_events(config: dict[str, Any]) -> None:
    for each in [*config["CacheBehaviors"], config["DefaultCacheBehavior"]]:
        assert [f["EventType"] for f in each["FunctionAssociations"]] == ["viewer-request"]
        assert not [event for event in events(each) if event.startswith("viewer")]


def test_errors_of_the_api_are_shaped_where_the_file_says_so(prod: Assembly, local: Assembly) -> None:
    for assembly, expected in ((prod, ["origin-response"]), (local, [])):
        config = assembly.one(*EDGE, "AWS::CloudFront::Distribution").properties["DistributionConfig"]
        assert events(config["DefaultCacheBehavior"]) == expected


def test_no_error_is_kept(config: dict[str, Any]) -> None:
    kept = {page["ErrorCode"]: page["ErrorCachingMinTTL"] for page in config["CustomErrorResponses"]}
    assert {403, 404, 500, 502, 503, 504} <= set(kept)
    assert set(kept.values()) == {0}


def edge_functions(assembly: Assembly) -> list[Resource]:
    found = assembly.all(*EDGE, "AWS::Lambda::Function")
    return [f for f in found if "origin-re" in str(f.properties.get("FunctionName"))]


def test_edge_functions_are_numbered_versions_without_variables(
    prod: Assembly, config: dict[str, Any]
) -> None:
    functions = edge_functions(prod)
    assert len(functions) == 2
    for function in functions:
        assert "Environment" not in function.properties
        assert function.properties["Architectures"] == ["x86_64"]
        assert function.properties["MemorySize"] == 128
        assert "VpcConfig" not in function.properties
    versions = {version.logical_id for version in prod.all(*EDGE, "AWS::Lambda::Version")}
    named = {
        association["LambdaFunctionARN"]["Ref"]
        for each in config["CacheBehaviors"]
        for association in each.get("LambdaFunctionAssociations", [])
    }
    assert named == versions


def test_version_outlives_the_stack_as_its_replicas_do(prod: Assembly) -> None:
    for version in prod.all(*EDGE, "AWS::Lambda::Version"):
        assert version.whole["DeletionPolicy"] == "Retain"


def test_edge_function_with_a_variable_is_refused_by_name() -> None:
    import aws_cdk as cdk  # noqa: PLC0415  (starts Node)
    from aws_cdk import aws_kms as kms  # noqa: PLC0415

    from stacks.base import Site  # noqa: PLC0415
    from stacks.environment import load_environment  # noqa: PLC0415

    stack = cdk.Stack(cdk.App(), "edge", env=cdk.Environment(account="111111111111", region="us-east-1"))
    site = Site(load_environment("prod"), "111111111111", "us-east-1")
    function = EdgeFunction(
        stack,
        "Function",
        site=site,
        event="origin-response",
        configuration={"cached": []},
        log_key=kms.Key(stack, "LogKey"),
    )
    check_variables(stack)
    function.resource.add_environment("ISSUER", "https://example.com")
    with pytest.raises(ConfigurationError) as caught:
        check_variables(stack)
    assert caught.value.file == "lambda/edge/origin_response"
    assert "has ISSUER" in caught.value.problem
    assert "write the value into its configuration" in caught.value.mend


@pytest.mark.parametrize("event", ["viewer-request", "origin-request"])
def test_edge_function_over_its_size_is_refused(
    event: edge_function.Event, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ROOT / "lambda" / "edge" / "origin_request"
    stage(source, tmp_path, {})
    check_size(source, tmp_path, event)
    monkeypatch.setattr(edge_function, "LIMITS", {event: 100})
    with pytest.raises(ConfigurationError) as caught:
        check_size(source, tmp_path, event)
    assert f"exceed the 100 of a function at {event}" in caught.value.problem
    assert caught.value.mend == "remove what it does not need"


def test_limits_are_those_of_lambda_at_edge() -> None:
    assert edge_function.LIMITS["viewer-request"] == 1_000_000
    assert edge_function.LIMITS["origin-request"] == 50_000_000


def test_table_of_the_docs_is_the_codes_own() -> None:
    assert table(load_manifests()) in (ROOT / "docs" / "edge.md").read_text(encoding="utf-8")


def test_more_behaviours_than_a_distribution_takes_are_refused() -> None:
    gateway = next(found for found in load_manifests() if found.default)
    many = [CachedPath(path=f"/p{number}", ttl=60) for number in range(MOST)]
    crowded: Manifest = gateway.model_copy(update={"cached": many})
    with pytest.raises(ConfigurationError, match=f"exceed the {MOST} of a distribution"):
        behaviours([crowded])
