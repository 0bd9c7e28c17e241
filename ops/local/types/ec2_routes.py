"""EC2 routes as AWS keeps them: one to a destination, moved to a peering connection, found by their table.

The server keeps several routes to one destination, forgets the peering connection that a route is moved to,
and takes no notice of the filter ``route-table-id``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import ec2

_Answer = tuple[int, dict[str, str], bytes]
_Handler = Callable[[dict[str, Any]], _Answer]


def install() -> None:
    """Puts the three actions into the server's table."""
    for action, wrap in (
        ("CreateRoute", _create),
        ("ReplaceRoute", _replace),
        ("DescribeRouteTables", _describe),
    ):
        ec2._ACTION_MAP[action] = wrap(ec2._ACTION_MAP[action])


def _create(shipped: _Handler) -> _Handler:
    def create(given: dict[str, Any]) -> _Answer:
        if _routes(given):
            table, destination = ec2._p(given, "RouteTableId"), ec2._p(given, "DestinationCidrBlock")
            return _error("RouteAlreadyExists", f"{table} has a route to {destination} already")
        return shipped(given)

    return create


def _replace(shipped: _Handler) -> _Handler:
    def replace(given: dict[str, Any]) -> _Answer:
        status, headers, body = shipped(given)
        connection = ec2._p(given, "VpcPeeringConnectionId")
        for route in _routes(given) if status == 200 else ():
            route.pop("VpcPeeringConnectionId", None)
            if connection:
                route.pop("GatewayId", None)  # the server knows no such target and writes `local`
                route["VpcPeeringConnectionId"] = connection
        return status, headers, body

    return replace


def _describe(shipped: _Handler) -> _Handler:
    def describe(given: dict[str, Any]) -> _Answer:
        wanted = ec2._parse_filters(given).get("route-table-id", [])
        listed = {f"RouteTableId.{number}": [table] for number, table in enumerate(wanted, start=1)}
        return shipped({**given, **listed})

    return describe


def _routes(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the table to the destination that the request names."""
    table = ec2._route_tables.get(ec2._p(given, "RouteTableId"))
    destination = ec2._p(given, "DestinationCidrBlock")
    return [r for r in (table or {}).get("Routes", []) if r.get("DestinationCidrBlock") == destination]


def _error(code: str, message: str) -> _Answer:
    answer: _Answer = ec2._error(code, message, 400)
    return answer
