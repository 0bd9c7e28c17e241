"""Which stacks exist in which region, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks
from constructs import Construct

from stacks.accepted import ACKNOWLEDGED
from stacks.acknowledgements import acknowledge
from stacks.address_plan import by_age
from stacks.base import PlatformStack, Site, context
from stacks.datalake.stack import DataLakeStack
from stacks.delivery.stack import DeliveryStack
from stacks.dns.stack import DnsStack
from stacks.ecs.callers import UserPool
from stacks.ecs.stack import EcsStack
from stacks.ecs.state import EcsStateStack
from stacks.ecs.telemetry import Observation
from stacks.ecs.variables import Sources
from stacks.edge.edge_function import check_variables
from stacks.edge.stack import EdgeStack
from stacks.edge.state import EdgeStateStack
from stacks.environment import Environment
from stacks.flink.stack import flink
from stacks.global_db.stack import GlobalDbStack
from stacks.lake_catalogue.stack import LakeCatalogueStack
from stacks.lake_replication.stack import LakeReplicationStack
from stacks.manifest import Manifest
from stacks.monitoring.backstage import Backstage
from stacks.monitoring.edge import EdgeMetrics
from stacks.monitoring.global_stack import GlobalMonitoringStack
from stacks.monitoring.region import RegionMetrics, nat_gateways
from stacks.monitoring.stack import MonitoringStack
from stacks.monitoring.state import MonitoringStateStack
from stacks.network.flow_log_archive import FlowLogArchive
from stacks.network.stack import NetworkStack
from stacks.network.state import NetworkStateStack
from stacks.peering.stack import PeeringStack
from stacks.rotation.stack import RotationStack
from stacks.security.boundary import BoundaryStack, bound
from stacks.security.stack import SecurityStack
from stacks.security.state import SecurityStateStack
from stacks.security.vault_lock import lock_vaults
from stacks.service_secrets.stack import ServiceSecretsStack, needed
from stacks.streaming.stack import StreamingStack
from stacks.streaming.state import StreamingStateStack
from stacks.validation import Pack, validate


class Platform:
    """All stacks of one environment. Home first: the other regions join what it creates."""

    def __init__(
        self, app: Construct, environment: Environment, account: str, manifests: Sequence[Manifest]
    ) -> None:
        self.app = app
        self.environment = environment
        self.account = account
        self.manifests = manifests
        self.regions = sorted(environment.regions, key=lambda region: region != environment.home_region)

        self.boundaries = {
            region: BoundaryStack(app, self._site(region))
            for region in sorted({*self.regions, environment.dns_region})
        }
        self.secrets_keys = {region: stack.secrets_key for region, stack in self.boundaries.items()}
        self.dns = DnsStack(app, self._site(environment.dns_region))
        self.edge_state = EdgeStateStack(app, self._site(environment.dns_region), self.secrets_keys)
        self._after_keys(self.edge_state)
        self.service_secrets = self._service_secrets()
        self.networks = {region: self._network(region) for region in self.regions}
        self.peerings = self._peerings()
        self.lakes = {region: self._lake(region) for region in self.regions}
        self.lake_catalogues = {
            region: LakeCatalogueStack(app, self._site(region), lake=lake)
            for region, lake in self.lakes.items()
        }
        self.lake_replications = self._lake_replications()
        self.databases = self._databases()
        self.streams = self._streams()
        self.rotation = self._rotation()
        self.monitoring_states = {
            region: MonitoringStateStack(app, self._site(region), self.secrets_keys[region])
            for region in dict.fromkeys([*self.regions, environment.dns_region])
        }
        self.ecs = {region: self._ecs(region) for region in self.regions}
        self.edge = self._edge()
        self.monitoring = {region: self._monitoring(region) for region in self.regions}
        self.global_monitoring = self._global_monitoring()
        self.security = self._security()
        if environment.delivery.github_repository is not None:
            repository = environment.delivery.github_repository
            DeliveryStack(app, self._site(environment.dns_region), repository=repository)
        self._bind()
        check_variables(self.edge)
        for stack in app.node.children:
            if isinstance(stack, PlatformStack):
                lock_vaults(stack)
                acknowledge(stack, ACKNOWLEDGED.get(stack.area, ()))

    def _site(self, region: str) -> Site:
        return Site(self.environment, self.account, region)

    def _service_secrets(self) -> ServiceSecretsStack | None:
        """At home, copied to every region; None while no service needs a secret of its own."""
        if not needed(self.manifests):
            return None
        stack = ServiceSecretsStack(
            self.app, self._site(self.environment.home_region), manifests=self.manifests
        )
        self._after_keys(stack)
        return stack

    def _network(self, region: str) -> NetworkStack:
        site = self._site(region)
        return NetworkStack(self.app, site, state=NetworkStateStack(self.app, site))

    def _lake(self, region: str) -> DataLakeStack:
        site = self._site(region)
        lake = DataLakeStack(self.app, site)
        if self.environment.network.flow_log_archive:
            vpc_id = self.networks[region].vpc.vpc_id
            FlowLogArchive(lake, "FlowLogArchive", site=site, vpc_id=vpc_id, bucket=lake.log_bucket)
        return lake

    def _peerings(self) -> dict[str, PeeringStack]:
        """Of every region; the oldest has nobody to join."""
        order = by_age(self.environment.regions)
        return {
            region: PeeringStack(self.app, self._site(region), networks=self.networks, older=order[:number])
            for number, region in enumerate(order)
        }

    def _lake_replications(self) -> dict[str, LakeReplicationStack]:
        """Of every lake that has another to send to: none where there is one region."""
        replication = self.environment.lake.replication
        targets = {region: replication.targets(region) for region in self.regions}
        return {
            region: LakeReplicationStack(self.app, self._site(region), lakes=self.lakes, targets=to)
            for region, to in targets.items()
            if to
        }

    def _databases(self) -> dict[str, GlobalDbStack]:
        stacks: dict[str, GlobalDbStack] = {}
        for region in self.regions:
            home = stacks.get(self.environment.home_region)
            stacks[region] = GlobalDbStack(
                self.app,
                self._site(region),
                vpc=self.networks[region].vpc,
                home=home,
                secrets_key=self.secrets_keys[region],
            )
        self._after_keys(stacks[self.environment.home_region])
        return stacks

    def _streams(self) -> dict[str, StreamingStack]:
        """None where the environment has no stream."""
        settings, stacks = self.environment.streaming, dict[str, StreamingStack]()
        if settings is None:
            return stacks
        for region in self.regions:
            site = self._site(region)
            state = StreamingStateStack(self.app, site, settings=settings, vpc=self.networks[region].vpc)
            stacks[region] = StreamingStack(self.app, site, settings=settings, state=state)
            flink(self.app, site, stacks[region], self.networks[region].vpc)
        return stacks

    def _after_keys(self, stack: PlatformStack) -> None:
        """A copy of a secret names the key of its region."""
        for region in self.regions:
            if region != stack.site.region:
                stack.add_stack_dependency(self.boundaries[region], "secrets are copied under its key")

    def _rotation(self) -> RotationStack | None:
        """At home, where the secret's primary is; None where the environment rotates nothing."""
        days = self.environment.database.rotation_days
        if days is None:
            return None
        home = self.environment.home_region
        return RotationStack(
            self.app,
            self._site(home),
            vpc=self.networks[home].vpc,
            database=self.databases[home],
            manifests=self.manifests,
            days=days,
        )

    def _ecs(self, region: str) -> EcsStack:
        site = self._site(region)
        recorded = self.environment.services.execute_command
        store = self.monitoring_states[region].store
        stack = EcsStack(
            self.app,
            site,
            observation=Observation(
                exec_key=EcsStateStack(self.app, site).exec_key if recorded else None,
                workspace=store.workspace if store else None,
            ),
            network=self.networks[region],
            zone=self.dns.zone,
            lake=self.lakes[region],
            sources=Sources(self.databases, self._user_pool(), self.streams.get(region)),
            manifests=self.manifests,
        )
        for peering in self.peerings.values():
            stack.add_stack_dependency(peering, "tasks write into another region's database")
        stack.add_stack_dependency(
            self.edge_state, "listener rules name its origin-verify secrets, tasks its user pool"
        )
        if self.service_secrets is not None:
            stack.add_stack_dependency(self.service_secrets, "tasks start with the secrets that they name")
        return stack

    def _user_pool(self) -> UserPool:
        identity = self.edge_state.identity
        clients = (identity.web, identity.service, identity.neighbours)
        return UserPool(
            arn=identity.pool.user_pool_arn,
            pool_id=identity.pool.user_pool_id,
            issuer=identity.issuer,
            clients=[client.user_pool_client_id for client in clients],
            web_client=identity.web.user_pool_client_id,
            token_url=identity.token_url,
        )

    def _edge(self) -> EdgeStack:
        stack = EdgeStack(
            self.app,
            self._site(self.environment.dns_region),
            zone=self.dns.zone,
            state=self.edge_state,
            manifests=self.manifests,
        )
        for regional in self.ecs.values():
            stack.add_stack_dependency(regional, "CloudFront's origins are the regions' records")
        return stack

    def _monitoring(self, region: str) -> MonitoringStack:
        ecs, site = self.ecs[region], self._site(region)
        balancer = ecs.load_balancer
        return MonitoringStack(
            self.app,
            site,
            state=self.monitoring_states[region],
            edge_url=self._edge_url(),
            metrics=RegionMetrics.of(site, ecs.services, balancer.resource.load_balancer_full_name),
            nat_gateways=nat_gateways(self.networks[region].vpc),
            certificate=balancer.certificate.certificate_arn if balancer.certificate else None,
            backstage=self._backstage(site),
        )

    def _backstage(self, site: Site) -> Backstage:
        """A region's functions; those of the erasure come later and are known by their names."""
        names = site.names
        functions = {"erasure": names.erasure}
        if site.is_writer:
            functions["erasure-control"] = names.erasure_control
        if site.is_home and self.rotation is not None:
            functions["rotation"] = self.rotation.function.resource.function_name
        scheduled = self.ecs[site.region].scheduled
        return Backstage(functions, {task: names.not_started(task) for task in scheduled})

    def _edge_url(self) -> str:
        """CloudFront answers on the site's name where it has a certificate, else on its own."""
        with_certificate = self.environment.edge.certificate
        host = self.environment.domain if with_certificate else self.edge.distribution.domain_name
        return f"https://{host}"

    def _global_monitoring(self) -> GlobalMonitoringStack:
        distribution = self.edge.distribution
        checks = {region: ecs.health_check_id for region, ecs in self.ecs.items()}
        return GlobalMonitoringStack(
            self.app,
            self._site(self.environment.dns_region),
            state=self.monitoring_states[self.environment.dns_region],
            edge=EdgeMetrics(distribution.resource.ref, checks),
            regions=[stack.metrics for stack in self.monitoring.values()],
            certificate=self.edge.certificate_arn,
            backstage=Backstage({"origin-secret": self.edge.rotation.function.resource.function_name}),
        )

    def _security(self) -> dict[str, SecurityStack]:
        states: dict[str, SecurityStateStack] = {}
        for region in self.regions:
            states[region] = SecurityStateStack(self.app, self._site(region), logs=self.lakes[region])
        home = states[self.environment.home_region]
        stacks: dict[str, SecurityStack] = {}
        for region in self.regions:
            stacks[region] = SecurityStack(
                self.app,
                self._site(region),
                state=states[region],
                home=home,
                vpc=self.networks[region].vpc,
                lake=self.lakes[region],
                secrets_key=self.secrets_keys[region],
                user_pool=self.edge_state.identity.pool,
            )
            stacks[region].add_stack_dependency(self.monitoring[region], "alarms go to its topic")
        return stacks

    def _bind(self) -> None:
        """Every role of every stack is bounded; the policy must be there before the first of them."""
        for stack in self.app.node.children:
            if isinstance(stack, PlatformStack) and not isinstance(stack, BoundaryStack):
                bound(stack)
                stack.add_stack_dependency(
                    self.boundaries[stack.site.region], "no role is made without its boundary"
                )


def build(
    environment: Environment,
    account: str,
    manifests: Sequence[Manifest],
    rules: cdk.CloudFormationValidatePlugin | None = None,
    packs: Sequence[Pack] = (AwsSolutionsChecks,),
    **kwargs: Any,
) -> cdk.App:
    """An app with every stack of ``environment`` in it; ``kwargs`` go to the app.

    ``rules`` are the CDK's own for templates where they are made already (``stacks.validation``); ``packs``
    are those of cdk-nag: each synth runs its own, `make policy` all of them.
    """
    app = cdk.App(context=context(environment, account), **kwargs)
    validate(app, environment, rules, packs)
    Platform(app, environment, account, manifests)
    return app
