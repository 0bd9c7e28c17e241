"""Where a task may connect to: what its manifest says that it needs, and HTTPS."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2

from stacks.base import Site


def allow_needs(group: ec2.SecurityGroup, site: Site, needs: Sequence[str]) -> None:
    """Adds the egress rules of ``needs`` to a group that was made with ``allow_all_outbound=False``.

    HTTPS stays open to every address: AWS's own services, whose addresses change, and the providers of
    market data and models. Databases and the datastore are reached in the platform's whole address space,
    so that neither a promotion nor a region that joins needs a deployment; the own cache only here.
    """
    environment = site.environment
    group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "AWS services and providers")
    platform, here = environment.network.address_space, environment.regions[site.region].cidr
    if "database" in needs:
        _network(group, platform, environment.database.port, "PostgreSQL of the platform")
    if "global-cache" in needs and environment.datastore_regions:
        _network(group, platform, environment.cache.port, "Valkey of the platform")
    elif "cache" in needs or "global-cache" in needs:
        _network(group, here, environment.cache.port, f"Valkey in {site.region}")
    if "stream" in needs and environment.streaming is not None:
        _network(group, here, environment.streaming.port, f"Kafka in {site.region}")


def _network(group: ec2.SecurityGroup, cidr: str, port: int, what: str) -> None:
    group.add_egress_rule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(port), what)
