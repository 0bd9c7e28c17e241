"""The routes of a region that was there to one that joined, in EC2 as moto plays it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.lambda_.custom_resource import event, load, response_url

INDEX = load("peering_routes")
JOINED, THERE = "eu-central-1", "us-east-1"
NETWORK = "10.40.0.0/16"
Answer = dict[str, Any]


class Place:
    """The network that was there, with two route tables, and the one that joins it."""

    def __init__(self) -> None:
        self.ec2 = boto3.client("ec2", THERE)
        self.vpc = self.ec2.create_vpc(CidrBlock="10.10.0.0/16")["Vpc"]["VpcId"]
        self.tables = [self._table() for _ in range(2)]
        self.newcomer = boto3.client("ec2", JOINED)
        self.joined = self.newcomer.create_vpc(CidrBlock=NETWORK)["Vpc"]["VpcId"]
        self.connection = self.connect()

    def _table(self) -> str:
        return str(self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"])

    def connect(self) -> str:
        """A connection, made where the region joins and accepted where the other is."""
        made = self.newcomer.create_vpc_peering_connection(
            VpcId=self.joined, PeerVpcId=self.vpc, PeerRegion=THERE
        )["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=made)
        return str(made)

    def properties(self, *tables: str, **more: str) -> dict[str, str]:
        listed = ",".join(tables or self.tables)
        given = {"Region": THERE, "Tables": listed, "Network": NETWORK, "Connection": self.connection}
        return given | more

    def routes(self, network: str = NETWORK) -> dict[str, str | None]:
        """Connection by which each table leads to the network; tables without a way there are left out."""
        found = self.ec2.describe_route_tables(RouteTableIds=self.tables)["RouteTables"]
        return {
            table["RouteTableId"]: route.get("VpcPeeringConnectionId")
            for table in found
            for route in table["Routes"]
            if route["DestinationCidrBlock"] == network
        }


Ask = Callable[..., Answer]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": JOINED,
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws(config={"core": {"passthrough": {"urls": [r"http://127\.0\.0\.1:.*"]}}}):
        yield Place()


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Sends a request as CloudFormation does; returns what it was told."""
    with response_url() as (url, answers):

        def send(request: str, properties: dict[str, str], old: dict[str, str] | None = None) -> Answer:
            more = {} if old is None else {"OldResourceProperties": old}
            INDEX.handler(event(url, request, properties) | more, None)
            return answers[-1]

        yield send


def test_every_table_leads_to_the_region_that_joined(place: Place, ask: Ask) -> None:
    assert ask("Create", place.properties())["Status"] == "SUCCESS"
    assert place.routes() == dict.fromkeys(place.tables, place.connection)


def test_repeated_request_changes_nothing(place: Place, ask: Ask) -> None:
    ask("Create", place.properties())
    assert ask("Create", place.properties())["Status"] == "SUCCESS"
    assert place.routes() == dict.fromkeys(place.tables, place.connection)


def test_route_by_an_older_connection_is_moved_to_the_new_one(place: Place, ask: Ask) -> None:
    old = place.properties()
    ask("Create", old)
    place.connection = place.connect()
    assert ask("Update", place.properties(), old)["Status"] == "SUCCESS"
    assert place.routes() == dict.fromkeys(place.tables, place.connection)


def test_table_that_is_named_no_more_loses_its_route(place: Place, ask: Ask) -> None:
    first, second = place.tables
    ask("Create", place.properties())
    ask("Update", place.properties(first), place.properties())
    assert place.routes() == {first: place.connection}
    ask("Update", place.properties(), place.properties(first))
    assert set(place.routes()) == {first, second}


def test_routes_go_with_the_resource(place: Place, ask: Ask) -> None:
    ask("Create", place.properties())
    assert ask("Delete", place.properties())["Status"] == "SUCCESS"
    assert place.routes() == {}


def test_what_is_gone_already_needs_no_removal(place: Place, ask: Ask) -> None:
    assert ask("Delete", place.properties())["Status"] == "SUCCESS"
    for table in place.tables:
        place.ec2.delete_route_table(RouteTableId=table)
    assert ask("Delete", place.properties())["Status"] == "SUCCESS"


def test_removal_spares_a_route_that_goes_by_another_connection(place: Place, ask: Ask) -> None:
    old = place.properties()
    ask("Create", old)
    place.connection = place.connect()
    ask("Create", place.properties())
    ask("Delete", old)
    assert place.routes() == dict.fromkeys(place.tables, place.connection)


def test_another_network_is_another_resource(place: Place, ask: Ask) -> None:
    """So that CloudFormation deletes the routes to the old one, once those to the new one are there."""
    old = place.properties()
    first = ask("Create", old)
    moved = place.properties(Network="10.41.0.0/16")
    second = ask("Update", moved, old)
    assert first["PhysicalResourceId"] != second["PhysicalResourceId"]
    assert set(place.routes()) == set(place.routes("10.41.0.0/16")) == set(place.tables)


def test_same_network_stays_the_same_resource(place: Place, ask: Ask) -> None:
    first = ask("Create", place.properties())
    second = ask("Update", place.properties(place.tables[0]), place.properties())
    assert first["PhysicalResourceId"] == second["PhysicalResourceId"]


def test_route_that_somebody_else_made_is_refused_by_name_and_nothing_is_changed(
    place: Place, ask: Ask
) -> None:
    gateway = place.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    place.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=place.vpc)
    taken = place.tables[1]
    place.ec2.create_route(RouteTableId=taken, DestinationCidrBlock=NETWORK, GatewayId=gateway)
    answer = ask("Create", place.properties())
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == f"{taken} leads to {NETWORK} by {gateway}; take that route away"
    assert place.routes() == {taken: None}
