"""ecs: the cluster of a region, its load balancer, and every service that a manifest describes."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_route53 as route53
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.datalake.stack import DataLakeStack
from stacks.ecs.capacity import evacuation
from stacks.ecs.cluster import RegionCluster
from stacks.ecs.load_balancer import LoadBalancer
from stacks.ecs.one_off import OneOffTaskRun
from stacks.ecs.origin import OriginRecords, certificate
from stacks.ecs.schedule import ScheduledTask
from stacks.ecs.service import ManifestService
from stacks.ecs.stream import admit
from stacks.ecs.task import Tasks
from stacks.ecs.telemetry import Observation
from stacks.ecs.variables import Sources, TaskVariables
from stacks.manifest import Manifest
from stacks.network.stack import NetworkStack


class EcsStack(PlatformStack):
    """``sources`` hold the global-db stack of every region: services name all members as endpoints,
    so that a promotion anywhere needs no deploy."""

    def __init__(
        self,
        scope: Construct,
        site: Site,
        *,
        network: NetworkStack,
        zone: route53.IHostedZone,
        lake: DataLakeStack,
        sources: Sources,
        manifests: Sequence[Manifest],
        observation: Observation,
    ) -> None:
        super().__init__(scope, site, "ecs", description="Cluster, load balancer and services")
        self.add_stack_dependency(lake, "the load balancer checks at birth that it may write its logs")
        self.lake = lake
        # Imported: its policy is written where it stands, and admits the logs of this environment.
        self.log_key = kms.Key.from_key_arn(self, "LogKey", network.log_key.key_arn)
        self.workspace = observation.workspace
        self.cluster = RegionCluster(
            self, "Cluster", site=site, vpc=network.vpc, exec_key=observation.exec_key
        )
        self.load_balancer = LoadBalancer(
            self,
            "LoadBalancer",
            site=site,
            vpc=network.vpc,
            log_key=self.log_key,
            certificate=certificate(self, site, zone) if site.environment.edge.certificate else None,
        )
        for need in evacuation(site.environment, manifests):
            if need.region == site.region and not need.holds:
                cdk.Annotations.of(self).add_warning_v2("richesreach:capacity", str(need))
        variables = TaskVariables(self, "Variables", site=site, sources=sources, manifests=manifests)
        #: Names of the tasks that a schedule starts.
        self.scheduled: list[str] = []
        self.services = [
            self._service(manifest, variables) for manifest in manifests if self._places(manifest.placement)
        ]
        self._order()
        self.origin = OriginRecords(
            self, "Origin", site=site, zone=zone, load_balancer=self.load_balancer.resource
        )

    @property
    def health_check_id(self) -> str:
        """Of the check that takes the region out of the latency record."""
        return self.origin.health_check.attr_health_check_id

    def _order(self) -> None:
        """A task of Service Connect knows the neighbours that there were when it was deployed."""
        services = {service.manifest.name: service for service in self.services}
        for service in self.services:
            for name in service.manifest.calls:
                if name in services:
                    service.wait_for(services[name].service)

    def _places(self, placement: str) -> bool:
        return placement == "every-region" or self.site.is_writer

    def _service(self, manifest: Manifest, variables: TaskVariables) -> ManifestService:
        tasks = Tasks(
            self,
            f"{manifest.name}-tasks",
            site=self.site,
            manifest=manifest,
            variables=variables,
            lake=self.lake,
            log_key=self.log_key,
        )
        service = ManifestService(
            self,
            manifest.name,
            site=self.site,
            cluster=self.cluster,
            manifest=manifest,
            tasks=tasks,
            load_balancer=self.load_balancer,
            workspace=self.workspace,
        )
        if "stream" in manifest.needs and variables.stream is not None:
            admit(service, variables.stream, service.security_group, manifest.name)
        for task in manifest.tasks:
            name = f"{manifest.name}-{task.name}"
            if not self._places(task.placement):
                continue
            if task.run == "schedule":
                ScheduledTask(self, name, service=service, task=task)
                self.scheduled.append(name)
            else:
                service.wait_for(OneOffTaskRun(self, name, service=service, task=task))
        return service
