"""The mesh between the regions' networks: one connection a pair, and routes on both of its
sides, all of it in the stack of the region that joined later."""

from __future__ import annotations

import itertools

import pytest

from stacks.address_plan import Region, by_age
from stacks.environment import load_environment
from tests.stacks.assembly import Assembly
from tests.stacks.environments import document, twelve_regions
from tests.stacks.environments import region as section

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
CONNECTION = "AWS::EC2::VPCPeeringConnection"
ROUTE = "AWS::EC2::Route"
BACK = "Custom::PeeringRoutes"


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


@pytest.fixture
def ages(request: pytest.FixtureRequest) -> list[str]:
    """Regions of the environment in ``meshed``, the oldest first: of one day, so in the order of the file."""
    name = request.node.callspec.params["meshed"]
    contents = twelve_regions() if name == "twelve" else document(name)
    return list(contents["regions"])


def test_every_two_regions_have_one_connection_and_the_younger_owns_it(
    meshed: Assembly, ages: list[str]
) -> None:
    expected = [(younger, older) for older, younger in itertools.combinations(ages, 2)]
    assert sorted(connections(meshed)) == sorted(expected)


def test_twelve_regions_have_sixty_six_connections(twelve: Assembly) -> None:
    assert len(connections(twelve)) == 66
    sizes = [
        len(twelve.templates[twelve.stack_id(r, "peering")]["Resources"]) for r in twelve.regions("peering")
    ]
    # Eleven connections, a route to each in six tables, the routes back; the function and two parameters.
    assert max(sizes) == 11 + 66 + 11 + 4 + 2


def test_region_written_anywhere_in_the_file_is_the_youngest_by_its_day() -> None:
    contents = document()
    newcomer = {"eu-central-1": section(40, "eu-central-1", 3)}
    regions = {code: Region(**given) for code, given in (newcomer | contents["regions"]).items()}
    assert by_age(regions) == ["us-east-1", "eu-west-1", "ap-southeast-1", "eu-central-1"]


def test_connection_joins_the_two_regions_own_networks(meshed: Assembly) -> None:
    for region in meshed.regions("peering"):
        for connection in meshed.all(region, "peering", CONNECTION):
            own, peer = vpc_of(connection.properties["VpcId"]), vpc_of(connection.properties["PeerVpcId"])
            assert (own[0], peer[0]) == (region, connection.properties["PeerRegion"])
            assert "RefVpc8378EB38" in own[1]
            assert peer[1] == "VpcId"


def tables(assembly: Assembly, region: str) -> set[str]:
    """Outputs for the route tables of the private and the data subnets."""
    template = assembly.templates[assembly.stack_id(region, "network")]
    wanted = {
        association.properties["RouteTableId"]["Ref"]
        for association in assembly.all(region, "network", "AWS::EC2::SubnetRouteTableAssociation")
        if "publicSubnet" not in association.logical_id
    }
    return {name for name, output in template["Outputs"].items() if output["Value"].get("Ref") in wanted}


def test_every_private_and_data_table_of_the_younger_reaches_every_older_region(
    meshed: Assembly, ages: list[str]
) -> None:
    for number, region in enumerate(ages[1:], start=1):
        placed = [
            (vpc_of(r.properties["RouteTableId"]), r.properties["DestinationCidrBlock"])
            for r in meshed.all(region, "peering", ROUTE)
        ]
        assert len(tables(meshed, region)) >= 4
        assert len(placed) == len(set(placed)) == len(tables(meshed, region)) * number
        assert {table for table, _ in placed} == {(region, table) for table in tables(meshed, region)}


def test_every_private_and_data_table_of_the_older_is_given_a_route_back(meshed: Assembly) -> None:
    for region in meshed.regions("peering"):
        back = {each.properties["Region"]: each.properties for each in meshed.all(region, "peering", BACK)}
        own = {c.properties["PeerRegion"]: c.logical_id for c in meshed.all(region, "peering", CONNECTION)}
        assert back.keys() == own.keys()
        for peer, properties in back.items():
            assert vpc_of(properties["Tables"]) == (peer, "RouteTables")
            assert properties["Connection"] == {"Ref": own[peer]}
            assert (
                properties["Network"]
                == meshed.one(region, "network", "AWS::EC2::VPC").properties["CidrBlock"]
            )


def test_network_publishes_its_private_and_data_tables_whether_anybody_asks(
    prod: Assembly, single: Assembly
) -> None:
    for assembly, region, zones in ((prod, "us-east-1", 3), (single, "eu-central-1", 2)):
        outputs = assembly.templates[assembly.stack_id(region, "network")]["Outputs"]
        wanted = [
            a.properties["RouteTableId"]
            for a in assembly.all(region, "network", "AWS::EC2::SubnetRouteTableAssociation")
            if "publicSubnet" not in a.logical_id
        ]
        separator, listed = outputs["RouteTables"]["Value"]["Fn::Join"]
        assert [each for each in listed if each != ","] == wanted
        assert (separator, len(wanted)) == (listed[1] if separator else "", 2 * zones)
        assert outputs["VpcId"]["Value"]["Ref"].startswith("Vpc")


@pytest.mark.parametrize("region", REGIONS[1:])
def test_route_to_a_region_takes_the_connection_with_that_region(region: str, prod: Assembly) -> None:
    networks = {settings.cidr: code for code, settings in load_environment("prod").regions.items()}
    own = {c.properties["PeerRegion"]: c.logical_id for c in prod.all(region, "peering", CONNECTION)}
    for route in prod.all(region, "peering", ROUTE):
        peer = networks[route.properties["DestinationCidrBlock"]]
        assert route.properties["VpcPeeringConnectionId"] == {"Ref": own[peer]}


def test_function_may_change_the_routes_of_the_older_regions_own_tables_only(prod: Assembly) -> None:
    (policy,) = prod.policies("ap-southeast-1", "peering")
    statements = {s["Sid"]: s for s in policy.properties["PolicyDocument"]["Statement"]}
    change = statements["LeadHere"]
    assert change["Resource"] == [
        f"arn:aws:ec2:{region}:111111111111:route-table/*" for region in ("eu-west-1", "us-east-1")
    ]
    assert change["Condition"]["StringEquals"] == {
        "aws:ResourceTag/project": "richesreach",
        "aws:ResourceTag/environment": "prod",
    }
    starred = [s["Action"] for s in statements.values() if s["Resource"] == "*"]
    assert starred == ["ec2:DescribeRouteTables"]


def test_public_subnets_have_no_route_to_another_region(prod: Assembly) -> None:
    for region in REGIONS[1:]:
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
