"""The mesh between the regions' networks: one connection a pair, and routes on both of its sides."""

from __future__ import annotations

import itertools

import pytest

from stacks.environment import load_environment
from tests.stacks.assembly import Assembly, Resource

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
CONNECTION = "AWS::EC2::VPCPeeringConnection"
ROUTE = "AWS::EC2::Route"


@pytest.fixture(params=["prod", "local", "staging", "twelve"])
def meshed(request: pytest.FixtureRequest) -> Assembly:
    """Each environment with more than one region."""
    assembly: Assembly = request.getfixturevalue(request.param)
    return assembly


def connections(assembly: Assembly) -> list[tuple[str, str]]:
    """(owner, peer) of every connection."""
    return [
        (region, found.properties["PeerRegion"])
        for region in assembly.regions("peering")
        for found in assembly.all(region, "peering", CONNECTION)
    ]


def vpc_of(reference: dict[str, dict[str, str]]) -> tuple[str, str]:
    """(region, type of the resource) that an output of a network stack stands for."""
    return reference["Fn::GetStackOutput"]["Region"], reference["Fn::GetStackOutput"]["OutputName"]


def test_every_two_regions_have_one_connection_and_the_first_by_code_owns_it(meshed: Assembly) -> None:
    expected = list(itertools.combinations(sorted(meshed.regions("network")), 2))
    assert sorted(connections(meshed)) == expected


def test_twelve_regions_have_sixty_six_connections(twelve: Assembly) -> None:
    assert len(connections(twelve)) == 66
    sizes = [
        len(twelve.templates[twelve.stack_id(r, "peering")]["Resources"]) for r in twelve.regions("peering")
    ]
    assert max(sizes) == 77  # eleven connections, and as many routes in each of six tables


def test_region_that_is_added_moves_no_connection(prod: Assembly, twelve: Assembly) -> None:
    assert set(connections(prod)) & {(b, a) for a, b in connections(twelve)} == set()


def test_connection_joins_the_two_regions_own_networks(meshed: Assembly) -> None:
    for region in meshed.regions("peering"):
        for connection in meshed.all(region, "peering", CONNECTION):
            own, peer = vpc_of(connection.properties["VpcId"]), vpc_of(connection.properties["PeerVpcId"])
            assert (own[0], peer[0]) == (region, connection.properties["PeerRegion"])
            assert "RefVpc8378EB38" in own[1]
            assert "RefVpc8378EB38" in peer[1]


def tables(assembly: Assembly, region: str) -> set[str]:
    """Outputs for the route tables of the private and the data subnets."""
    template = assembly.templates[assembly.stack_id(region, "network")]
    wanted = {
        association.properties["RouteTableId"]["Ref"]
        for association in assembly.all(region, "network", "AWS::EC2::SubnetRouteTableAssociation")
        if "publicSubnet" not in association.logical_id
    }
    return {name for name, output in template["Outputs"].items() if output["Value"].get("Ref") in wanted}


def through(route: Resource, region: str) -> tuple[str, str]:
    """(owner, output or logical id) of the connection that a route takes."""
    given = route.properties["VpcPeeringConnectionId"]
    if "Ref" in given:
        return region, given["Ref"]
    output = given["Fn::GetStackOutput"]
    return output["Region"], output["OutputName"]


def test_every_private_and_data_table_reaches_every_other_region(meshed: Assembly) -> None:
    for region in meshed.regions("peering"):
        routes = meshed.all(region, "peering", ROUTE)
        others = set(meshed.regions("peering")) - {region}
        placed = [
            (vpc_of(r.properties["RouteTableId"])[1], r.properties["DestinationCidrBlock"]) for r in routes
        ]
        assert len(tables(meshed, region)) >= 4
        assert len(placed) == len(set(placed)) == len(tables(meshed, region)) * len(others)
        assert {table for table, _ in placed} == tables(meshed, region)
        assert all(vpc_of(r.properties["RouteTableId"])[0] == region for r in routes)


@pytest.mark.parametrize("region", REGIONS)
def test_route_to_a_region_takes_the_connection_with_that_region(region: str, prod: Assembly) -> None:
    networks = {settings.cidr: code for code, settings in load_environment("prod").regions.items()}
    for route in prod.all(region, "peering", ROUTE):
        peer = networks[route.properties["DestinationCidrBlock"]]
        owner, name = through(route, region)
        assert owner == min(region, peer)
        assert f"Connection{max(region, peer)}".replace("-", "") in name


def test_public_subnets_have_no_route_to_another_region(prod: Assembly) -> None:
    for region in REGIONS:
        for route in prod.all(region, "peering", ROUTE):
            assert "public" not in vpc_of(route.properties["RouteTableId"])[1]


def test_peering_comes_after_both_networks_and_before_every_service(meshed: Assembly) -> None:
    for owner, peer in connections(meshed):
        before = meshed.depends(meshed.stack_id(owner, "peering"))
        assert {meshed.stack_id(owner, "network"), meshed.stack_id(peer, "network")} <= before
    every = {meshed.stack_id(region, "peering") for region in meshed.regions("peering")}
    for region in meshed.regions("ecs"):
        assert every <= meshed.depends(meshed.stack_id(region, "ecs"))


def test_network_waits_for_no_other_region(meshed: Assembly) -> None:
    for region in meshed.regions("network"):
        waits = meshed.depends(meshed.stack_id(region, "network"))
        assert all(name.startswith(meshed.stack_id(region, "")) for name in waits)
