"""What boto3 reads back of the deployed networks: the mesh, the fences, the logs."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ops.local import aws
from stacks.address_plan import by_age
from stacks.environment import Environment, load_environment

REGIONS = sorted(load_environment("local").regions)

every_region = pytest.mark.parametrize("region", REGIONS)


def network(region: str, cidr: str) -> str:
    """Id of the platform's own VPC; the account has a default one besides."""
    vpcs = aws.client("ec2", region).describe_vpcs(Filters=[{"Name": "cidr", "Values": [cidr]}])["Vpcs"]
    (vpc,) = [each["VpcId"] for each in vpcs if each["CidrBlock"] == cidr]
    return str(vpc)


def in_vpc(answer: list[dict[str, Any]], vpc: str) -> list[dict[str, Any]]:
    return [each for each in answer if each["VpcId"] == vpc]


def test_every_two_regions_are_joined_by_an_active_connection_of_the_younger(
    environment: Environment,
) -> None:
    found = aws.client("ec2", REGIONS[1]).describe_vpc_peering_connections()["VpcPeeringConnections"]
    pairs = sorted((p["RequesterVpcInfo"]["Region"], p["AccepterVpcInfo"]["Region"]) for p in found)
    mesh = [(younger, older) for older, younger in itertools.combinations(by_age(environment.regions), 2)]
    assert pairs == sorted(pair for pair in mesh if REGIONS[1] in pair)
    assert {p["Status"]["Code"] for p in found} == {"active"}


@every_region
def test_private_and_data_subnets_have_routes_to_every_other_region(
    environment: Environment, region: str
) -> None:
    others = {settings.cidr for code, settings in environment.regions.items() if code != region}
    vpc = network(region, environment.regions[region].cidr)
    ec2 = aws.client("ec2", region)
    connections = {
        p["VpcPeeringConnectionId"] for p in ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]
    }
    peered = 0
    for table in in_vpc(ec2.describe_route_tables()["RouteTables"], vpc):
        through = {
            route["DestinationCidrBlock"]: route["VpcPeeringConnectionId"]
            for route in table["Routes"]
            if route.get("VpcPeeringConnectionId")
        }
        if through:
            peered += 1
            assert set(through) == others
            assert set(through.values()) <= connections
    assert peered == 2 * len(environment.regions[region].availability_zones)


@every_region
def test_default_security_group_holds_no_rule(environment: Environment, region: str) -> None:
    vpc = network(region, environment.regions[region].cidr)
    groups = in_vpc(aws.client("ec2", region).describe_security_groups()["SecurityGroups"], vpc)
    (default,) = [group for group in groups if group["GroupName"] == "default"]
    assert (default["IpPermissions"], default["IpPermissionsEgress"]) == ([], [])


@every_region
def test_tasks_may_connect_out_by_https_and_to_data_ports_only(environment: Environment, region: str) -> None:
    vpc = network(region, environment.regions[region].cidr)
    groups = in_vpc(aws.client("ec2", region).describe_security_groups()["SecurityGroups"], vpc)
    (tasks,) = [group for group in groups if group["Description"] == "Tasks of gateway"]
    ports = {rule.get("FromPort") for rule in tasks["IpPermissionsEgress"]}
    assert environment.streaming is not None
    assert ports == {443, environment.database.port, environment.cache.port, environment.streaming.port}


@every_region
def test_configured_services_have_an_endpoint_in_the_network(environment: Environment, region: str) -> None:
    vpc = network(region, environment.regions[region].cidr)
    endpoints = in_vpc(aws.client("ec2", region).describe_vpc_endpoints()["VpcEndpoints"], vpc)
    services = {
        endpoint["ServiceName"].removeprefix(f"com.amazonaws.{region}."): endpoint["VpcEndpointType"]
        for endpoint in endpoints
    }
    interfaces = dict.fromkeys(environment.network.interface_endpoints, "Interface")
    assert services == interfaces | {"s3": "Gateway", "dynamodb": "Gateway"}


@every_region
def test_flow_logs_go_to_the_log_group_and_to_the_archive(environment: Environment, region: str) -> None:
    vpc = network(region, environment.regions[region].cidr)
    found = aws.client("ec2", region).describe_flow_logs()["FlowLogs"]
    places = {flow["LogDestinationType"] for flow in found if flow["ResourceId"] == vpc}
    assert places == {"cloud-watch-logs", "s3"}
    table = aws.client("glue", region).get_table(DatabaseName="richesreach_local_network", Name="flow_logs")[
        "Table"
    ]
    bucket = environment.names.log_bucket(aws.ACCOUNT, region)
    assert table["StorageDescriptor"]["Location"].startswith(f"s3://{bucket}/network/AWSLogs/")
