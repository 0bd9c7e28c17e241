"""The function that keeps a peering's routes in the older region, on the local AWS instead of moto."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lambda_.custom_resource import load

from .conftest import LocalAws

INDEX = load("peering_routes")
THERE, JOINED = "us-east-1", "eu-west-1"
NETWORK = "10.77.0.0/16"


@pytest.fixture
def properties(aws: LocalAws) -> dict[str, str]:
    """Two tables of a network that was there, and its connection with one that joins in another region."""
    there, joined = aws.client("ec2", THERE), aws.client("ec2", JOINED)
    vpc = there.create_vpc(CidrBlock="10.76.0.0/16")["Vpc"]["VpcId"]
    tables = [there.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]
    given = {"Region": THERE, "Tables": ",".join(tables), "Network": NETWORK}
    return given | {"Connection": connect(joined, vpc)}


def connect(joined: Any, vpc: str) -> str:
    own = joined.create_vpc(CidrBlock=NETWORK)["Vpc"]["VpcId"]
    made = joined.create_vpc_peering_connection(VpcId=own, PeerVpcId=vpc, PeerRegion=THERE)
    return str(made["VpcPeeringConnection"]["VpcPeeringConnectionId"])


def ways(ec2: Any, properties: dict[str, str]) -> list[str]:
    """Connection by which each table that has a way leads to the network."""
    found = ec2.describe_route_tables(RouteTableIds=properties["Tables"].split(","))["RouteTables"]
    return [
        route["VpcPeeringConnectionId"]
        for table in found
        for route in table["Routes"]
        if route["DestinationCidrBlock"] == NETWORK
    ]


def test_table_has_one_route_to_a_network(aws: LocalAws, properties: dict[str, str]) -> None:
    ec2, table = aws.client("ec2", THERE), properties["Tables"].split(",")[0]
    INDEX.lead(ec2, properties)
    with pytest.raises(ec2.exceptions.ClientError, match="RouteAlreadyExists"):
        ec2.create_route(
            RouteTableId=table,
            DestinationCidrBlock=NETWORK,
            VpcPeeringConnectionId=properties["Connection"],
        )


def test_filter_finds_the_tables_that_are_there_and_no_others(
    aws: LocalAws, properties: dict[str, str]
) -> None:
    table = properties["Tables"].split(",")[0]
    wanted = [{"Name": "route-table-id", "Values": [table, "rtb-gone"]}]
    found = aws.client("ec2", THERE).describe_route_tables(Filters=wanted)["RouteTables"]
    assert [each["RouteTableId"] for each in found] == [table]


def test_routes_are_made_moved_and_taken(aws: LocalAws, properties: dict[str, str]) -> None:
    ec2 = aws.client("ec2", THERE)
    INDEX.lead(ec2, properties)
    assert ways(ec2, properties) == [properties["Connection"]] * 2
    vpc = ec2.describe_route_tables(RouteTableIds=properties["Tables"].split(","))["RouteTables"][0]["VpcId"]
    moved = properties | {"Connection": connect(aws.client("ec2", JOINED), vpc)}
    INDEX.lead(ec2, moved)
    assert ways(ec2, moved) == [moved["Connection"]] * 2
    INDEX.remove(ec2, properties)
    assert ways(ec2, moved) == [moved["Connection"]] * 2
    INDEX.remove(ec2, moved)
    assert ways(ec2, moved) == []
