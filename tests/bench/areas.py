"""The network and ecs areas of prod alone, as the bench synthesises them.

What the ecs area takes from the others (zone, lake, databases) is imported by name, so that nothing of those
areas is built. ``typescript/bin/areas.ts`` is the same app.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm

from stacks.accepted import ACKNOWLEDGED
from stacks.acknowledgements import acknowledge
from stacks.base import PlatformStack, Site, context
from stacks.datalake.stack import DataLakeStack
from stacks.ecs.callers import UserPool
from stacks.ecs.stack import EcsStack
from stacks.ecs.state import EcsStateStack
from stacks.ecs.telemetry import Observation, Workspace
from stacks.ecs.variables import Sources
from stacks.environment import Environment
from stacks.global_db.stack import GlobalDbStack
from stacks.manifest import Manifest
from stacks.network.stack import NetworkStack
from stacks.network.state import NetworkStateStack
from stacks.validation import validate


class GivenStack(PlatformStack):
    """What other areas would give to a region's ecs stack: an imported zone and an imported lake."""

    def __init__(self, app: cdk.App, site: Site) -> None:
        super().__init__(app, site, "datalake", description="What the bench imports")
        names = site.names
        self.zone = route53.HostedZone.from_hosted_zone_attributes(
            self, "Zone", hosted_zone_id="Z0123456789ABCDEFGHIJ", zone_name=site.environment.domain
        )
        self.bucket = s3.Bucket.from_bucket_name(self, "Lake", names.lake_bucket(site.account, site.region))
        self.key = self._key("Key", 0)
        self.secrets_key = self._key("SecretsKey", 1)
        # CloudFormation takes no empty stack.
        ssm.StringParameter(
            self,
            "Parameter-zone-id",
            parameter_name=names.parameter("dns", "zone-id"),
            string_value=self.zone.hosted_zone_id,
        )

    def _key(self, construct_id: str, number: int) -> kms.IKey:
        where = f"{self.site.region}:{self.site.account}"
        return kms.Key.from_key_arn(
            self, construct_id, f"arn:aws:kms:{where}:key/00000000-0000-0000-0000-{number:012}"
        )


@dataclass(frozen=True)
class GivenMember:
    """Endpoints of one store in one region, by names that resolve nowhere."""

    region: str
    store: str

    @property
    def endpoint(self) -> str:
        return f"{self.store}.{self.region}.example"

    @property
    def reader_endpoint(self) -> str:
        return f"{self.store}-reader.{self.region}.example"

    primary_host = host = endpoint
    secondary_host = reader_endpoint


class GivenDatabases:
    """Endpoints of a region's database, cache and member of the datastore; the key of its secrets."""

    def __init__(self, region: str, secrets_key: kms.IKey) -> None:
        self.database = GivenMember(region, "database")
        self.cache = GivenMember(region, "cache")
        self.datastore = GivenMember(region, "datastore")
        self.secrets_key = secrets_key


def build(
    environment: Environment,
    manifests: Sequence[Manifest],
    account: str,
    outdir: str,
    rules: cdk.CloudFormationValidatePlugin | None,
) -> cdk.App:
    """The app, as ``stacks.platform.build`` makes it, with these two areas in every region."""
    app = cdk.App(context=context(environment, account), outdir=outdir)
    validate(app, environment, rules)
    lakes = {region: GivenStack(app, Site(environment, account, region)) for region in environment.regions}
    given = {region: GivenDatabases(region, lake.secrets_key) for region, lake in lakes.items()}
    # Endpoints and the key are all that the ecs area reads of them.
    databases = cast(Mapping[str, GlobalDbStack], given)
    for lake in lakes.values():
        site = lake.site
        network = NetworkStack(app, site, state=NetworkStateStack(app, site))
        EcsStack(
            app,
            site,
            network=network,
            zone=lake.zone,
            lake=cast(DataLakeStack, lake),
            sources=Sources(databases, _user_pool(environment, account), stream=None),
            manifests=manifests,
            observation=_observation(app, site),
        )
    for stack in app.node.children:
        if isinstance(stack, PlatformStack):
            acknowledge(stack, ACKNOWLEDGED.get(stack.area, ()))
    return app


def _user_pool(environment: Environment, account: str) -> UserPool:
    """The edge-state area's."""
    pool = f"{environment.dns_region}_AbCdEfGhI"
    return UserPool(
        arn=f"arn:aws:cognito-idp:{environment.dns_region}:{account}:userpool/{pool}",
        pool_id=pool,
        issuer=f"https://cognito-idp.{environment.dns_region}.amazonaws.com/{pool}",
        clients=["web-client", "service-client"],
        web_client="web-client",
        token_url=f"https://richesreach-prod.auth.{environment.dns_region}.amazoncognito.com/oauth2/token",
    )


def _observation(app: cdk.App, site: Site) -> Observation:
    """The workspace is the monitoring area's."""
    environment = site.environment
    state = EcsStateStack(app, site) if environment.services.execute_command else None
    workspace = None
    if environment.telemetry is not None:
        workspace = Workspace(
            arn=f"arn:aws:aps:{site.region}:{site.account}:workspace/ws-00000000",
            endpoint=f"https://metrics.{site.region}.example/",
        )
    return Observation(exec_key=state.exec_key if state else None, workspace=workspace)
