"""No network of the environment overlaps another one that it can meet."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site

MEND = "choose a free range for regions.{region}.cidr in environments/{name}.yaml"


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """The environment's own networks, which are peered, then with credentials those of the account."""
    own = {
        region: [IPv4Network(vpc.properties["CidrBlock"]) for vpc in site.resources("AWS::EC2::VPC", region)]
        for region in site.regions
    }
    placed = [(region, network) for region, networks in own.items() for network in networks]
    clashes = [
        report.failed(
            f"{mine} overlaps {other} of {elsewhere}, which it is peered with",
            MEND.format(region=region, name=site.environment.name),
            region,
        )
        for (elsewhere, other), (region, mine) in combinations(placed, 2)
        if mine.overlaps(other)
    ]
    yield from clashes
    if not clashes:
        yield report.ok(f"the environment's {len(placed)} networks do not overlap")
    if site.account is not None:
        for region, networks in own.items():
            yield from _in_account(site, report, region, networks)


def _in_account(site: Site, report: Reporter, region: str, networks: list[IPv4Network]) -> Iterator[Result]:
    """A network that is there already was overlapped when it was made: then only a peer's range counts."""
    ids = site.deployed_ids("AWS::EC2::VPC", region)
    ec2 = site.client("ec2", region)
    of_environment = {vpc.properties["CidrBlock"] for vpc in site.resources("AWS::EC2::VPC")}
    met = list(_peers(ec2, ids, of_environment)) if ids else list(_others(ec2))
    clashes = [
        report.failed(
            f"{mine} overlaps {other} of {whose}",
            MEND.format(region=region, name=site.environment.name),
            region,
        )
        for whose, other in met
        for mine in networks
        if mine.overlaps(other)
    ]
    yield from clashes
    if networks and not clashes:
        yield report.ok(f"no other network of the account overlaps ({len(met)} looked at)", region)


def _others(ec2: Any) -> Iterator[tuple[str, IPv4Network]]:
    """Networks of the account in a region where the environment has none yet."""
    for page in ec2.get_paginator("describe_vpcs").paginate():
        for vpc in page["Vpcs"]:
            for block in vpc.get("CidrBlockAssociationSet") or [vpc]:
                yield vpc["VpcId"], IPv4Network(block["CidrBlock"])


def _peers(ec2: Any, own: set[str], of_environment: set[str]) -> Iterator[tuple[str, IPv4Network]]:
    """What the environment's network is peered with beyond the environment itself."""
    for page in ec2.get_paginator("describe_vpc_peering_connections").paginate():
        for connection in page["VpcPeeringConnections"]:
            sides = [connection["RequesterVpcInfo"], connection["AccepterVpcInfo"]]
            if not any(side.get("VpcId") in own for side in sides):
                continue
            for side in sides:
                blocks = {each["CidrBlock"] for each in side.get("CidrBlockSet", [])}
                for block in blocks | {side.get("CidrBlock", "")} - {""}:
                    if side.get("VpcId") not in own and block not in of_environment:
                        yield f"{side.get('VpcId')}, a peer", IPv4Network(block)
