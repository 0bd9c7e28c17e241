"""The VPC of a region: three tiers over explicit zones, NAT, gateway endpoints, flow logs."""

from __future__ import annotations

import ipaddress

import pytest

from stacks.environment import load_environment
from tests.stacks.assembly import Assembly

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")


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


def test_gateway_endpoints_keep_s3_and_dynamodb_off_the_nat(prod: Assembly) -> None:
    for region in REGIONS:
        endpoints = prod.all(region, "network", "AWS::EC2::VPCEndpoint")
        assert {e.properties["VpcEndpointType"] for e in endpoints} == {"Gateway"}
        names = sorted(str(e.properties["ServiceName"]) for e in endpoints)
        assert len(names) == 2
        assert all(any(service in name for name in names) for service in ("dynamodb", "s3"))


def test_flow_logs_are_kept_under_a_key_of_their_own(prod: Assembly) -> None:
    for region in REGIONS:
        flow = prod.one(region, "network", "AWS::EC2::FlowLog").properties
        group = prod.one(region, "network", "AWS::Logs::LogGroup")
        key = prod.one(region, "network", "AWS::KMS::Key")
        assert flow["TrafficType"] == "ALL"
        assert flow["LogGroupName"] == {"Ref": group.logical_id}
        assert group.properties["KmsKeyId"] == {"Fn::GetAtt": [key.logical_id, "Arn"]}
        assert group.properties["RetentionInDays"] == load_environment("prod").network.flow_log_days
