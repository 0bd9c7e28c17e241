"""The VPC of a region: three tiers over explicit zones, NAT, gateway endpoints, flow logs, their archive."""

from __future__ import annotations

import ipaddress

import pytest

from stacks.environment import load_environment
from tests.stacks.assembly import Assembly

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")


@pytest.fixture(params=["prod", "local", "dev", "staging", "single"])
def any_network(request: pytest.FixtureRequest) -> tuple[Assembly, str]:
    """Each environment of the matrix, with its first region."""
    assembly: Assembly = request.getfixturevalue(request.param)
    return assembly, assembly.regions("network")[0]


def subnets(assembly: Assembly, region: str) -> dict[str, list[dict[str, str]]]:
    """Properties of the subnets of each tier."""
    tiers: dict[str, list[dict[str, str]]] = {}
    for subnet in assembly.all(region, "network", "AWS::EC2::Subnet"):
        said = {tag["Key"]: tag["Value"] for tag in subnet.properties["Tags"]}
        tiers.setdefault(said["aws-cdk:subnet-name"], []).append(subnet.properties)
    return tiers


@pytest.mark.parametrize("region", REGIONS)
def test_each_tier_has_a_subnet_in_every_zone_of_the_file(region: str, prod: Assembly) -> None:
    zones = load_environment("prod").regions[region].availability_zones
    tiers = subnets(prod, region)
    assert set(tiers) == {"public", "private", "data"}
    for tier, members in tiers.items():
        assert [subnet["AvailabilityZone"] for subnet in members] == zones, tier


@pytest.mark.parametrize("region", REGIONS)
def test_subnets_lie_in_the_regions_network_and_apart(region: str, prod: Assembly) -> None:
    whole = ipaddress.IPv4Network(load_environment("prod").regions[region].cidr)
    cut = [
        ipaddress.IPv4Network(s["CidrBlock"]) for members in subnets(prod, region).values() for s in members
    ]
    assert all(network.subnet_of(whole) for network in cut)
    assert not [(a, b) for i, a in enumerate(cut) for b in cut[:i] if a.overlaps(b)]


def test_smallest_network_that_is_accepted_holds_its_subnets(single: Assembly) -> None:
    assert len(single.all("eu-central-1", "network", "AWS::EC2::Subnet")) == 6


def test_no_subnet_gives_public_addresses_by_itself(prod: Assembly) -> None:
    for region in REGIONS:
        for members in subnets(prod, region).values():
            assert not any(subnet.get("MapPublicIpOnLaunch") for subnet in members)


def test_prod_has_a_nat_gateway_a_zone(prod: Assembly) -> None:
    for region in REGIONS:
        assert len(prod.all(region, "network", "AWS::EC2::NatGateway")) == 3


def test_local_has_one_nat_gateway_a_region(local: Assembly) -> None:
    for region in REGIONS:
        assert len(local.all(region, "network", "AWS::EC2::NatGateway")) == 1


def test_data_subnets_have_no_route_out(prod: Assembly) -> None:
    for region in REGIONS:
        out = {r.properties["RouteTableId"]["Ref"] for r in prod.all(region, "network", "AWS::EC2::Route")}
        tables = {
            association.properties["RouteTableId"]["Ref"]
            for association in prod.all(region, "network", "AWS::EC2::SubnetRouteTableAssociation")
            if "dataSubnet" in association.logical_id
        }
        assert len(tables) == 3
        assert not tables & out


def test_region_without_nat_has_no_route_out_of_any_private_subnet(single: Assembly) -> None:
    region = "eu-central-1"
    assert single.all(region, "network", "AWS::EC2::NatGateway") == []
    out = {r.properties["RouteTableId"]["Ref"] for r in single.all(region, "network", "AWS::EC2::Route")}
    assert out
    assert all("publicSubnet" in table for table in out)
    assert set(subnets(single, region)) == {"public", "private", "data"}


def test_gateway_endpoints_keep_s3_and_dynamodb_off_the_nat(any_network: tuple[Assembly, str]) -> None:
    assembly, region = any_network
    endpoints = assembly.all(region, "network", "AWS::EC2::VPCEndpoint")
    gateways = [e.properties for e in endpoints if e.properties["VpcEndpointType"] == "Gateway"]
    names = sorted(str(properties["ServiceName"]) for properties in gateways)
    assert len(names) == 2
    assert all(any(service in name for name in names) for service in ("dynamodb", "s3"))
    tables = len(assembly.all(region, "network", "AWS::EC2::RouteTable"))
    assert all(len(properties["RouteTableIds"]) == tables for properties in gateways)


def test_flow_logs_are_kept_under_the_regions_key_of_logs(prod: Assembly) -> None:
    for region in REGIONS:
        flow = prod.one(region, "network", "AWS::EC2::FlowLog").properties
        key = prod.one(region, "network-state", "AWS::KMS::Key")
        groups = prod.all(region, "network-state", "AWS::Logs::LogGroup")
        assert flow["TrafficType"] == "ALL"
        assert "FlowLogs" in flow["LogGroupName"]["Fn::GetStackOutput"]["OutputName"]
        for group in groups:
            assert group.properties["KmsKeyId"] == {"Fn::GetAtt": [key.logical_id, "Arn"]}
            assert group.properties["RetentionInDays"] == load_environment("prod").network.flow_log_days
        admitted = key.properties["KeyPolicy"]["Statement"][1]
        assert admitted["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"] == (
            f"arn:aws:logs:{region}:111111111111:log-group:/richesreach-prod/*"
        )


def test_archived_flow_logs_are_parquet_in_the_regions_log_bucket(prod: Assembly) -> None:
    for region in REGIONS:
        flow = prod.one(region, "datalake", "AWS::EC2::FlowLog", LogDestinationType="s3").properties
        assert flow["DestinationOptions"]["FileFormat"] == "parquet"
        assert flow["LogDestination"]["Fn::Join"][1][1] == "/network/"
        assert flow["ResourceId"]["Fn::GetStackOutput"]["StackName"] == prod.stack_id(region, "network")


def test_flow_log_is_born_after_the_bucket_admits_it(prod: Assembly) -> None:
    for region in REGIONS:
        flow = prod.one(region, "datalake", "AWS::EC2::FlowLog", LogDestinationType="s3")
        (policy,) = [
            each
            for each in prod.all(region, "datalake", "AWS::S3::BucketPolicy")
            if each.logical_id in flow.depends_on
        ]
        said = {s.get("Sid"): s for s in policy.properties["PolicyDocument"]["Statement"]}
        for sid, actions in {
            "FlowLogs": "s3:PutObject",
            "FlowLogsCheck": ["s3:GetBucketAcl", "s3:ListBucket"],
        }.items():
            assert said[sid]["Principal"] == {"Service": "delivery.logs.amazonaws.com"}
            assert said[sid]["Action"] == actions
            assert said[sid]["Condition"]["StringEquals"]["aws:SourceAccount"] == "111111111111"
            assert (
                said[sid]["Condition"]["ArnLike"]["aws:SourceArn"] == f"arn:aws:logs:{region}:111111111111:*"
            )


def test_athena_finds_the_archive_by_day_under_the_fields_that_are_logged(prod: Assembly) -> None:
    region = "eu-west-1"
    flow = prod.one(region, "datalake", "AWS::EC2::FlowLog", LogDestinationType="s3").properties
    table = prod.one(region, "datalake", "AWS::Glue::Table", DatabaseName="richesreach_prod_network")
    given = table.properties["TableInput"]
    logged = [field.strip("${}").replace("-", "_") for field in flow["LogFormat"].split()]
    assert [column["Name"] for column in given["StorageDescriptor"]["Columns"]] == logged
    assert given["Parameters"]["storage.location.template"] == (
        "s3://richesreach-prod-logs-111111111111-eu-west-1/network"
        "/AWSLogs/111111111111/vpcflowlogs/eu-west-1/${day}"
    )
    days = load_environment("prod").lake.log_days
    assert given["Parameters"]["projection.day.range"] == f"NOW-{days}DAYS,NOW"
    assert [key["Name"] for key in given["PartitionKeys"]] == ["day"]


def test_archive_is_absent_where_it_is_not_configured(dev: Assembly) -> None:
    assert dev.all("us-east-1", "datalake", "AWS::EC2::FlowLog") == []
    assert len(dev.all("us-east-1", "network", "AWS::EC2::FlowLog")) == 1
