"""Regions of an environment and their networks: a region's section of the file, and what all must satisfy."""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from stacks.yaml_file import Frozen, MisfitError

_PRIVATE = tuple(ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))

#: Prefix length of a zone's subnet in each tier, in the order in which a network is cut into them.
SUBNET_PREFIXES = {"public": 24, "private": 22, "data": 24}


def _private(value: str) -> ipaddress.IPv4Network:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"{error}; write a network such as 10.10.0.0/16") from None
    if not any(network.subnet_of(private) for private in _PRIVATE):
        raise ValueError(f"{value} is not a private network (RFC 1918); use one such as 10.10.0.0/16")
    return network


def _network(value: str) -> str:
    prefix = _private(value).prefixlen
    if not 16 <= prefix <= 20:
        raise ValueError(f"/{prefix} does not fit the subnet plan; use /16 to /20")
    return value


def _space(value: str) -> str:
    prefix = _private(value).prefixlen
    if not 8 <= prefix <= 16:
        raise ValueError(f"/{prefix} has no room for the networks of several regions; use /8 to /16")
    return value


#: What every network of the platform lies in, also of regions that are yet to join.
AddressSpace = Annotated[str, AfterValidator(_space)]


class Region(Frozen):
    """One compute region: its network and its availability zones, both explicit; and the day on which it
    joined, because of two regions the younger owns what connects them."""

    cidr: Annotated[str, AfterValidator(_network)]
    availability_zones: list[str] = Field(min_length=2, max_length=6)
    joined: datetime.date


def by_age(regions: Mapping[str, Region]) -> list[str]:
    """Codes, the oldest first; of one day in the order of the file."""
    return sorted(regions, key=lambda code: regions[code].joined)


def check(regions: Mapping[str, Region], space: str) -> None:
    """What the networks must satisfy together.

    Raises:
        MisfitError: a zone is another region's, a network is too small, lies outside of ``space``, or
            overlaps another.
    """
    for code, region in regions.items():
        _check_zones(code, region)
    _check_space(regions, ipaddress.IPv4Network(space))
    _check_overlaps(regions)


def _needed_prefix(zones: int) -> int:
    """Longest prefix of a network that holds every tier's subnets in so many zones."""
    end = 0
    for prefix in SUBNET_PREFIXES.values():
        size: int = 2 ** (32 - prefix)
        end = -(-end // size) * size + zones * size
    return 32 - (end - 1).bit_length()


def _check_zones(code: str, region: Region) -> None:
    zones = region.availability_zones
    if len(set(zones)) != len(zones):
        raise MisfitError(f"regions.{code}.availability_zones", "names a zone twice", "remove it")
    for zone in zones:
        if not re.fullmatch(re.escape(code) + "[a-z]", zone):
            raise MisfitError(
                f"regions.{code}.availability_zones",
                f"{zone!r} is no zone of {code}",
                f"write zones such as {code}a",
            )
    prefix, needed = ipaddress.IPv4Network(region.cidr).prefixlen, _needed_prefix(len(zones))
    if prefix > needed:
        raise MisfitError(
            f"regions.{code}.cidr",
            f"/{prefix} does not hold the subnets of {len(zones)} zones",
            f"use /{needed} or larger",
        )


def _check_space(regions: Mapping[str, Region], space: ipaddress.IPv4Network) -> None:
    for code, region in regions.items():
        if not ipaddress.IPv4Network(region.cidr).subnet_of(space):
            raise MisfitError(
                f"regions.{code}.cidr",
                f"{region.cidr} lies outside of network.address_space, {space}, which the others let in",
                "choose a network inside of it",
            )


def _check_overlaps(regions: Mapping[str, Region]) -> None:
    plan = [(code, ipaddress.IPv4Network(region.cidr)) for code, region in regions.items()]
    for index, (code, network) in enumerate(plan):
        for other, taken in plan[:index]:
            if network.overlaps(taken):
                raise MisfitError(
                    f"regions.{code}.cidr",
                    f"{network} overlaps {taken} of {other}",
                    "give every region its own network: peered networks may not overlap",
                )
