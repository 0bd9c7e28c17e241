"""Which stacks exist, what they are called, in which order they come, and how they refer to each other."""

from __future__ import annotations

import re

import pytest

from tests.stacks.assembly import Assembly, walk
from tests.stacks.synthesis_table import LIMIT

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
AREAS = (
    "boundary",
    "network-state",
    "network",
    "peering",
    "datalake",
    "lake-catalogue",
    "lake-replication",
    "global-db",
    "ecs",
    "monitoring-state",
    "monitoring",
    "security-state",
    "security",
    "streaming-state",
    "streaming",
    "flink-state",
    "flink",
)

STATEFUL = {
    "AWS::S3::Bucket",
    "AWS::KMS::Key",
    "AWS::RDS::GlobalCluster",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::SecretsManager::Secret",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::ElastiCache::GlobalReplicationGroup",
    "AWS::Route53::HostedZone",
    "AWS::DynamoDB::Table",
    "AWS::MSK::Cluster",
    "AWS::KinesisAnalyticsV2::Application",
}
STATELESS = {
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::Lambda::Function",
    "AWS::CloudFront::Distribution",
    "AWS::CloudFront::Function",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Route53::RecordSet",
}

#: CloudFormation takes 500; a fifth is kept free for what is still to come.
RESOURCE_LIMIT = LIMIT


STATEFUL_NAMES = (
    "boundary|dns|edge-state|network-state|network|datalake|global-db|ecs-state"
    "|monitoring-state|security-state|streaming-state|flink-state|service-secrets"
)


@pytest.fixture(params=["prod", "local", "dev", "staging", "single", "twelve"])
def any_assembly(request: pytest.FixtureRequest) -> Assembly:
    """Each environment of the matrix: the four that are committed, prod in one region and in twelve."""
    assembly: Assembly = request.getfixturevalue(request.param)
    return assembly


def test_every_region_has_every_area_and_us_east_1_has_what_is_global_besides(prod: Assembly) -> None:
    expected = {f"richesreach-prod-{region}-{area}" for region in REGIONS for area in AREAS}
    once = ("dns", "edge", "edge-state", "rotation", "service-secrets", "monitoring-global")
    expected |= {f"richesreach-prod-us-east-1-{area}" for area in once}
    assert set(prod.stacks) == expected


def test_oldest_region_joins_no_other_and_tells_how_to_join_it(any_assembly: Assembly) -> None:
    oldest = next(
        r
        for r in any_assembly.regions("peering")
        if not any_assembly.all(r, "peering", "Custom::PeeringRoutes")
    )
    template = any_assembly.templates[any_assembly.stack_id(oldest, "peering")]
    names = {each["Properties"]["Name"] for each in template["Resources"].values()}
    environment = any_assembly.stack_id(oldest, "peering").split("-")[1]
    assert names == {f"/richesreach/{environment}/peering/{name}" for name in ("route-tables", "vpc-id")}


def test_staging_is_prod_in_two_regions(staging: Assembly, prod: Assembly) -> None:
    assert staging.regions("ecs") == ["us-east-1", "eu-west-1"]
    for region in staging.regions("ecs"):
        ours = {name.removeprefix("richesreach-staging-") for name in staging.stacks if region in name}
        theirs = {name.removeprefix("richesreach-prod-") for name in prod.stacks if region in name}
        assert ours == theirs


def test_stack_is_deployed_into_the_region_that_its_id_names(any_assembly: Assembly) -> None:
    for name, artifact in any_assembly.stacks.items():
        region = artifact["environment"].rpartition("/")[2]
        start = any_assembly.stack_id(region, "")
        assert name.startswith(start), f"{name} stands in {region}"
        assert artifact["properties"].get("stackName", name) == name


def test_edge_and_dns_stand_in_us_east_1_whatever_the_regions_are(any_assembly: Assembly) -> None:
    assert any_assembly.regions("edge") == ["us-east-1"]
    assert any_assembly.regions("dns") == ["us-east-1"]


def test_edge_comes_after_every_regions_ecs(any_assembly: Assembly) -> None:
    (edge,) = (any_assembly.stack_id(region, "edge") for region in any_assembly.regions("edge"))
    before = any_assembly.depends(edge)
    assert {any_assembly.stack_id(region, "ecs") for region in any_assembly.regions("ecs")} <= before
    behind = {name for name in any_assembly.stacks if edge in any_assembly.depends(name)}
    watching = re.compile(r"-(monitoring|security|monitoring-global)$")
    assert any_assembly.stack_id("us-east-1", "monitoring-global") in behind
    assert [name for name in behind if not watching.search(name)] == []


def test_other_regions_databases_come_after_the_home_regions(prod: Assembly) -> None:
    home = prod.stack_id("us-east-1", "global-db")
    for region in REGIONS[1:]:
        assert home in prod.depends(prod.stack_id(region, "global-db"))


def test_services_come_after_every_regions_databases_and_their_own_lake(prod: Assembly) -> None:
    for region in REGIONS:
        before = prod.depends(prod.stack_id(region, "ecs"))
        assert {prod.stack_id(other, "global-db") for other in REGIONS} <= before
        assert prod.stack_id(region, "datalake") in before


def test_no_stack_exports_a_value_that_another_imports(any_assembly: Assembly) -> None:
    for name, template in any_assembly.templates.items():
        assert "Fn::ImportValue" not in {key for key, _ in walk(template)}, name
        assert not any("Export" in output for output in template.get("Outputs", {}).values()), name


def test_no_custom_resource_carries_values_across_regions(any_assembly: Assembly) -> None:
    for name, template in any_assembly.templates.items():
        kinds = {resource["Type"] for resource in template.get("Resources", {}).values()}
        assert not [kind for kind in kinds if kind.startswith("Custom::CrossRegion")], name


def test_weak_reference_names_an_output_that_its_stack_has(any_assembly: Assembly) -> None:
    seen = 0
    for template in any_assembly.templates.values():
        for key, value in walk(template):
            if key == "Fn::GetStackOutput":
                seen += 1
                assert value["OutputName"] in any_assembly.templates[value["StackName"]]["Outputs"]
                assert any_assembly.stacks[value["StackName"]]["environment"].endswith(value["Region"])
    assert seen > 0


def test_stateful_resources_share_no_stack_with_stateless_ones(any_assembly: Assembly) -> None:
    for name, template in any_assembly.templates.items():
        kinds = {resource["Type"] for resource in template.get("Resources", {}).values()}
        assert not (kinds & STATEFUL and kinds & STATELESS), f"{name}: {kinds & (STATEFUL | STATELESS)}"


def test_stack_keeps_a_fifth_of_the_resource_limit_free(any_assembly: Assembly) -> None:
    for name, template in any_assembly.templates.items():
        assert len(template.get("Resources", {})) <= RESOURCE_LIMIT, name


def test_stack_fits_cloudformations_template_size(any_assembly: Assembly) -> None:
    for name, artifact in any_assembly.stacks.items():
        size = (any_assembly.folder / artifact["properties"]["templateFile"]).stat().st_size
        assert size <= 1_000_000, f"{name}: {size} bytes"


def test_stateful_stacks_of_prod_are_protected_from_termination(prod: Assembly) -> None:
    for name, artifact in prod.stacks.items():
        stateful = bool(re.search(rf"-({STATEFUL_NAMES})$", name))
        assert artifact["properties"].get("terminationProtection", False) is stateful, name


def test_no_stack_of_local_is_protected_from_termination(local: Assembly) -> None:
    assert not any(a["properties"].get("terminationProtection") for a in local.stacks.values())


def test_data_of_prod_outlives_its_stack(prod: Assembly) -> None:
    for name, template in prod.templates.items():
        for logical_id, resource in template["Resources"].items():
            # An instance holds no data of its own: the cluster's storage does.
            if (
                resource["Type"] in STATEFUL - {"AWS::RDS::DBInstance"}
                and "ElastiCache" not in resource["Type"]
            ):
                assert resource.get("DeletionPolicy") in {"Retain", "Snapshot"}, f"{name}/{logical_id}"
                assert resource.get("UpdateReplacePolicy") in {"Retain", "Snapshot"}, f"{name}/{logical_id}"


def test_every_tagged_resource_says_project_environment_and_area(prod: Assembly) -> None:
    for name, template in prod.templates.items():
        for logical_id, resource in template["Resources"].items():
            tags = resource.get("Properties", {}).get("Tags")
            if isinstance(tags, list):
                said = {tag["Key"]: tag["Value"] for tag in tags}
                assert said.get("project") == "richesreach", f"{name}/{logical_id}"
                assert said.get("environment") == "prod", f"{name}/{logical_id}"
                assert name.endswith(said.get("area", "?")), f"{name}/{logical_id}"
                assert said.get("cost-centre") == "platform", f"{name}/{logical_id}"


@pytest.mark.parametrize("area", ["dns", "network-state", "network", "datalake", "global-db"])
def test_moving_the_writer_changes_nothing_in_stacks_that_hold_data(
    area: str, prod: Assembly, moved_writer: Assembly
) -> None:
    for region in prod.regions(area):
        name = prod.stack_id(region, area)
        assert moved_writer.templates[name] == prod.templates[name], name


@pytest.mark.parametrize("region", REGIONS)
def test_moving_the_writer_changes_the_services(region: str, prod: Assembly, moved_writer: Assembly) -> None:
    name = prod.stack_id(region, "ecs")
    assert moved_writer.templates[name] != prod.templates[name]


def test_moving_the_writer_changes_nothing_at_the_edge(prod: Assembly, moved_writer: Assembly) -> None:
    name = prod.stack_id("us-east-1", "edge")
    assert moved_writer.templates[name] == prod.templates[name]
