"""Every metric of one region, for its alarms and for the central dashboards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2

from stacks.base import Site
from stacks.ecs.service import ManifestService
from stacks.manifest import Manifest
from stacks.monitoring.cache import CacheMetrics
from stacks.monitoring.database import DatabaseMetrics
from stacks.monitoring.flink import FlinkMetrics
from stacks.monitoring.lake import LakeMetrics
from stacks.monitoring.load_balancer import FrontDoor
from stacks.monitoring.service import ServiceMetrics
from stacks.monitoring.stream import StreamMetrics


@dataclass(frozen=True)
class RegionMetrics:
    """A region that holds no member of the database or of the datastore has none of their metrics."""

    site: Site
    services: Sequence[ServiceMetrics]
    #: Those that no viewer reaches.
    inner: Sequence[ServiceMetrics]
    #: Of all services, those that no viewer reaches too: rules see them from inside.
    manifests: Sequence[Manifest]
    front_door: FrontDoor
    lake: LakeMetrics
    cache: CacheMetrics
    database: DatabaseMetrics | None
    datastore: CacheMetrics | None
    stream: StreamMetrics | None
    flink: FlinkMetrics | None

    @staticmethod
    def of(site: Site, services: Sequence[ManifestService], balancer: str) -> RegionMetrics:
        """``balancer`` is the load balancer's full name.

        A service that no viewer reaches has no requests to keep an objective of.
        """
        environment, names, region = site.environment, site.names, site.region
        nodes = environment.cache.nodes
        settings = environment.streaming
        in_datastore = region in environment.datastore_regions
        return RegionMetrics(
            site=site,
            services=[_service(service, balancer) for service in services if service.manifest.exposed],
            inner=[_service(service, balancer) for service in services if not service.manifest.exposed],
            manifests=[service.manifest for service in services],
            front_door=FrontDoor(region, balancer),
            lake=LakeMetrics(site),
            cache=CacheMetrics(site, names.cache(region), nodes),
            database=DatabaseMetrics(site) if region in environment.data_regions else None,
            datastore=CacheMetrics(site, names.global_cache_member(region), nodes) if in_datastore else None,
            stream=StreamMetrics(site, settings, [s.manifest for s in services]) if settings else None,
            flink=FlinkMetrics(site, settings.flink) if settings and settings.flink else None,
        )


def _service(service: ManifestService, balancer: str) -> ServiceMetrics:
    return ServiceMetrics(
        site=service.site,
        manifest=service.manifest,
        count=service.count,
        balancer=balancer,
        target_groups=[group.target_group_full_name for group in service.target_groups],
        log_group=service.tasks.log_group.log_group_name,
    )


def nat_gateways(vpc: ec2.IVpc) -> list[str]:
    """Ids of the NAT gateways that stand in a network's public subnets."""
    found = (subnet.node.try_find_child("NATGateway") for subnet in vpc.public_subnets)
    return [gateway.ref for gateway in found if isinstance(gateway, ec2.CfnNatGateway)]
