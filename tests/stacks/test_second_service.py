"""A service is added by its manifest alone: what the platform makes of a second one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stacks.environment import load_environment
from stacks.manifest import Manifest, load_manifests
from tests.stacks.alarms import alarms
from tests.stacks.assembly import Assembly
from tests.stacks.conftest import Synthesise

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
PATHS = ["/market/*", "/api/market/*", "/m"]
GATEWAY = next(found for found in load_manifests() if found.default)
MARKET = Manifest.model_validate(
    GATEWAY.model_dump()
    | {
        "name": "market-data",
        "default": False,
        "paths": PATHS,
        "port": 9000,
        "grpc": 9100,
        "placement": "writer-region",
        "needs": ["cache"],
        "calls": ["gateway"],
        "tasks": [],
        "cached": [],
        "protected": [],
        "streams": [],
        "stream": {},
    }
)


@pytest.fixture(scope="module")
def two(synthesise: Synthesise) -> Assembly:
    return synthesise(load_environment("prod"), (GATEWAY, MARKET))


def services(assembly: Assembly, region: str) -> set[str]:
    return {s.properties["ServiceName"] for s in assembly.all(region, "ecs", "AWS::ECS::Service")}


def test_singleton_runs_in_the_writer_region_alone(two: Assembly) -> None:
    assert {region: services(two, region) for region in REGIONS} == {
        "us-east-1": {"gateway", "market-data"},
        "eu-west-1": {"gateway"},
        "ap-southeast-1": {"gateway"},
    }


def rules(assembly: Assembly) -> list[dict[str, Any]]:
    """The writer region's listener rules, in the order in which they are tried."""
    found = assembly.all("us-east-1", "ecs", "AWS::ElasticLoadBalancingV2::ListenerRule")
    return sorted((rule.properties for rule in found), key=lambda rule: int(rule["Priority"]))


def values(rule: dict[str, Any]) -> list[str]:
    """Paths of a rule."""
    fields = [c for c in rule["Conditions"] if c["Field"] == "path-pattern"]
    return [v for condition in fields for v in condition["PathPatternConfig"]["Values"]]


def test_every_path_of_both_services_has_a_rule(two: Assembly) -> None:
    assert sorted(v for rule in rules(two) for v in values(rule)) == sorted(
        [*GATEWAY.rule_paths, GATEWAY.health.path, *PATHS]
    )


def test_rule_takes_no_more_values_than_a_load_balancer_does(two: Assembly) -> None:
    for rule in rules(two):
        headers = [v for c in rule["Conditions"] for v in c.get("HttpHeaderConfig", {}).get("Values", [])]
        assert len(values(rule)) + len(headers) <= 5


def test_more_particular_path_is_tried_before_the_one_that_contains_it(two: Assembly) -> None:
    order = {value: int(rule["Priority"]) for rule in rules(two) for value in values(rule)}
    assert order["/api/market/*"] < order["/*"]


def test_priorities_are_unique(two: Assembly) -> None:
    priorities = [rule["Priority"] for rule in rules(two)]
    assert len(set(priorities)) == len(priorities)


def market_container(assembly: Assembly) -> dict[str, Any]:
    family = "richesreach-prod-market-data"
    task = assembly.one("us-east-1", "ecs", "AWS::ECS::TaskDefinition", Family=family)
    only = task.properties["ContainerDefinitions"][0]
    found: dict[str, Any] = only
    return found


def test_service_is_told_what_it_needs_and_nothing_more(two: Assembly) -> None:
    container = market_container(two)
    names = {entry["Name"] for entry in container["Environment"]}
    assert "REDIS_PRIMARY_HOST" in names
    assert not [name for name in names if name.startswith(("DATABASE", "GLOBAL_CACHE"))]
    assert {secret["Name"] for secret in container["Secrets"]} == {
        "REDIS_USERNAME",
        "REDIS_PASSWORD",
        "SERVICE_CLIENT_ID",
        "SERVICE_CLIENT_SECRET",
    }


def test_service_listens_on_its_own_ports(two: Assembly) -> None:
    assert [mapping["ContainerPort"] for mapping in market_container(two)["PortMappings"]] == [9000, 9100]
    ports = {
        group.properties["Port"]
        for group in two.all("us-east-1", "ecs", "AWS::ElasticLoadBalancingV2::TargetGroup")
    }
    assert ports == {8000, 9000}


def test_service_without_a_database_gets_no_role_that_reads_its_secret(two: Assembly) -> None:
    reading = [
        policy.logical_id
        for policy in two.policies("us-east-1", "ecs")
        if "secret:richesreach/prod/database" in str(policy.properties)
    ]
    assert reading
    assert not [name for name in reading if name.startswith("marketdata")]


def test_dashboard_and_alarms_cover_both_services(two: Assembly) -> None:
    found = alarms(two, "us-east-1")
    own = [name.removeprefix("gateway-") for name in found if name.startswith("gateway-")]
    assert len(own) > 20
    assert {f"market-data-{condition}" for condition in own} <= found.keys()
    board = two.one(
        "us-east-1",
        "monitoring",
        "AWS::CloudWatch::Dashboard",
        DashboardName="richesreach-prod-us-east-1",
    )
    assert "## market-data" in str(board.properties["DashboardBody"])


def test_region_is_impaired_only_when_both_services_are(two: Assembly) -> None:
    found = alarms(two, "us-east-1")
    rule = json.dumps(found["region-impaired"].properties["AlarmRule"])
    both, whole = rule.split(" OR ")
    assert both.count(" AND ") == 1
    assert all(found[f"{name}-impaired"].logical_id in both for name in ("gateway", "market-data"))
    assert found["front-door-errors"].logical_id in whole


def test_neighbours_reach_its_grpc_port_by_a_name_of_its_own(two: Assembly) -> None:
    service = next(
        found.properties
        for found in two.all("us-east-1", "ecs", "AWS::ECS::Service")
        if found.properties["ServiceName"] == "market-data"
    )
    connected = {
        found["PortName"]: (found["DiscoveryName"], found["ClientAliases"])
        for found in service["ServiceConnectConfiguration"]["Services"]
    }
    assert connected == {
        "http": ("market-data", [{"DnsName": "market-data", "Port": 9000}]),
        "grpc": ("market-data-grpc", [{"DnsName": "market-data-grpc", "Port": 9100}]),
    }
    container = market_container(two)
    assert {
        (port["Name"], port["ContainerPort"], port["AppProtocol"]) for port in container["PortMappings"]
    } == {
        ("http", 9000, "http"),
        ("grpc", 9100, "grpc"),
    }
    variables = {one["Name"]: one["Value"] for one in container["Environment"]}
    assert variables["RPC_PORT"] == "9100"
    opened = {
        rule.properties["FromPort"]
        for rule in two.all("us-east-1", "ecs", "AWS::EC2::SecurityGroupIngress")
        if rule.properties.get("Description") == "from a neighbour"
    }
    assert opened == {8000, 9000, 9100}


def test_who_calls_another_is_told_where_it_is_and_as_whom(two: Assembly) -> None:
    container = market_container(two)
    variables = {one["Name"]: one["Value"] for one in container["Environment"]}
    assert variables["NEIGHBOUR_GATEWAY_HTTP"] == "http://gateway:8000"
    assert variables["NEIGHBOUR_GATEWAY_GRPC"] == "gateway-grpc:9000"
    assert variables["IDENTITY_TOKEN_URL"] == (
        "https://richesreach-prod-111111111111.auth.us-east-1.amazoncognito.com/oauth2/token"
    )
    secrets = {one["Name"]: json.dumps(one["ValueFrom"]) for one in container["Secrets"]}
    for name, key in (("SERVICE_CLIENT_ID", "client_id"), ("SERVICE_CLIENT_SECRET", "client_secret")):
        assert f"richesreach/prod/service-client:{key}" in secrets[name]


def test_who_calls_nobody_is_told_nothing_of_the_kind(two: Assembly) -> None:
    (definition,) = (
        found.properties
        for found in two.all("us-east-1", "ecs", "AWS::ECS::TaskDefinition")
        if found.properties["Family"] == "richesreach-prod-gateway"
    )
    assert "NEIGHBOUR" not in json.dumps(definition)
    assert "SERVICE_CLIENT" not in json.dumps(definition)
    assert "IDENTITY_TOKEN_URL" not in json.dumps(definition)


def test_who_is_called_is_deployed_first(two: Assembly) -> None:
    found = {
        service.properties["ServiceName"]: service
        for service in two.all("us-east-1", "ecs", "AWS::ECS::Service")
    }
    assert found["gateway"].logical_id in found["market-data"].depends_on
