"""A role and a managed policy for each kind of access to each zone."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.base import Site
from stacks.datalake.lifecycle import ZONES
from stacks.lake_catalogue.access import ACCESSES, TABLE_ZONES, Access, queries, statements


class ZoneRoles(Construct):
    """Who may take a role says a tag of the principal (``lake-raw: reader``), given where people and
    machines are managed: the lake knows no names. The managed policy serves a role that exists already."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site, key_arn: str) -> None:
        super().__init__(scope, construct_id)
        self.queries = iam.ManagedPolicy(
            self,
            "queries",
            managed_policy_name=site.names.lake_role(site.region, "all", "queries"),
            description=f"Queries of the lake in {site.region}; what they read is granted by zone",
            statements=queries(site),
        )
        for zone in ZONES:
            for access in ACCESSES:
                role = self._role(site, zone, access, key_arn)
                if zone in TABLE_ZONES:
                    self.queries.attach_to_role(role)

    def _role(self, site: Site, zone: str, access: Access, key_arn: str) -> iam.Role:
        name = site.names.lake_role(site.region, zone, access)
        role = iam.Role(
            self,
            f"{zone}-{access}",
            role_name=name,
            description=f"{access} of the lake's zone {zone} in {site.region}",
            assumed_by=iam.AccountPrincipal(site.account).with_conditions(
                {"StringEquals": {f"aws:PrincipalTag/lake-{zone}": access}}
            ),
        )
        iam.ManagedPolicy(
            self,
            f"{zone}-{access}-policy",
            managed_policy_name=name,
            description=f"{access} of the lake's zone {zone} in {site.region}",
            roles=[role],
            statements=statements(site, zone, access, key_arn),
        )
        return role
