"""Where a task may connect to: what its manifest says that it needs, and HTTPS."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aws_cdk import aws_ec2 as ec2

from stacks.base import Site


def allow_needs(group: ec2.SecurityGroup, site: Site, needs: Sequence[str]) -> None:
    """Adds the egress rules of ``needs`` to a group that was made with ``allow_all_outbound=False``.

    HTTPS stays open to every address: AWS's own services, whose addresses change, and the providers of
    market data and models. Databases are reached in every region that holds one, so that a promotion
    needs no deployment; the region's own cache is reached here only.
    """
    environment = site.environment
    group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "AWS services and providers")
    if "database" in needs:
        _networks(group, site, environment.database.port, environment.data_regions, "PostgreSQL")
    caches = {site.region} if "cache" in needs else set()
    if "global-cache" in needs:
        caches |= set(environment.datastore_regions or [site.region])
    _networks(group, site, environment.cache.port, sorted(caches), "Valkey")


def _networks(group: ec2.SecurityGroup, site: Site, port: int, regions: Iterable[str], what: str) -> None:
    for region in regions:
        cidr = site.environment.regions[region].cidr
        group.add_egress_rule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(port), f"{what} in {region}")
