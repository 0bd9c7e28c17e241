"""Custom resource: the routes of one region's network to the network of another that is peered with it.

It stands in the region that joined and keeps routes in one that was there, so that nothing of the latter's
stacks changes. Properties: ``Region`` (where the tables are), ``Tables`` (ids, comma-separated), ``Network``
(CIDR that the routes lead to), ``Connection`` (id of the peering connection). Create and Update leave every
table with its route, Delete takes the routes that go by the connection.
"""

from __future__ import annotations

from typing import Any

import boto3
import cloudformation


class TakenError(Exception):
    """A table has a route to the network by something that is no peering connection."""


def handler(event: dict[str, Any], _context: object) -> None:
    """Answers CloudFormation at ``event["ResponseURL"]``, whatever happens.

    Another network, or another region's tables, is another resource: CloudFormation then deletes the old one.
    """
    properties = event["ResourceProperties"]

    def act() -> None:
        ec2 = boto3.client("ec2", region_name=properties["Region"])
        if event["RequestType"] == "Delete":
            remove(ec2, properties)
            return
        lead(ec2, properties)
        before = event.get("OldResourceProperties", {})
        if (before.get("Region"), before.get("Network")) == (properties["Region"], properties["Network"]):
            left = tables(before) - tables(properties)
            remove(ec2, {**before, "Tables": ",".join(sorted(left))})

    cloudformation.answer(event, act, f"routes-to-{properties['Network']}-in-{properties['Region']}")


def tables(properties: dict[str, Any]) -> set[str]:
    return set(filter(None, properties["Tables"].split(",")))


def lead(ec2: Any, properties: dict[str, Any]) -> None:
    """Gives every table its route; one by an older connection is moved to this one.

    Raises:
        TakenError: a table's route to the network goes elsewhere; nothing was changed.
    """
    network, connection = properties["Network"], properties["Connection"]
    found = routes(ec2, properties)
    for table, route in found.items():
        if route and "VpcPeeringConnectionId" not in route:
            by = route.get("GatewayId") or route.get("TransitGatewayId") or "something else"
            raise TakenError(f"{table} leads to {network} by {by}; take that route away")
    for table in sorted(tables(properties)):
        given = {
            "RouteTableId": table,
            "DestinationCidrBlock": network,
            "VpcPeeringConnectionId": connection,
        }
        route = found.get(table)
        if not route:
            ec2.create_route(**given)
        elif route["VpcPeeringConnectionId"] != connection:
            ec2.replace_route(**given)


def remove(ec2: Any, properties: dict[str, Any]) -> None:
    """Takes the routes by this connection; tables and routes that are gone already need nothing."""
    for table, route in routes(ec2, properties).items():
        if route and route.get("VpcPeeringConnectionId") == properties["Connection"]:
            ec2.delete_route(RouteTableId=table, DestinationCidrBlock=properties["Network"])


def routes(ec2: Any, properties: dict[str, Any]) -> dict[str, dict[str, Any] | None]:
    """Of each of the tables that exists, its route to the network."""
    wanted = sorted(tables(properties))
    if not wanted:
        return {}
    filters = [{"Name": "route-table-id", "Values": wanted}]
    pages = ec2.get_paginator("describe_route_tables").paginate(Filters=filters)
    return {
        table["RouteTableId"]: next(
            (r for r in table["Routes"] if r.get("DestinationCidrBlock") == properties["Network"]), None
        )
        for page in pages
        for table in page["RouteTables"]
        if table["RouteTableId"] in wanted
    }
