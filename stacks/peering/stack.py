"""peering: what joins a region's network to those of the regions that were there before it, on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.function import FunctionProps, PlatformFunction
from stacks.naming import PROJECT
from stacks.network.stack import DATA, PRIVATE, NetworkStack


class PeeringStack(PlatformStack):
    """One region's share of the full mesh, after the networks that it joins.

    Of two regions the younger owns their connection and the routes on both of its sides, so that the stacks
    of the older are as they were, whoever joins or retires after it. ``older`` are the codes of the regions
    that were there; the oldest of all joins nobody, and its stack only tells others how to join it. What is
    known of the older networks are outputs that every network has, asked for or not.
    """

    def __init__(
        self, scope: Construct, site: Site, *, networks: Mapping[str, NetworkStack], older: Sequence[str]
    ) -> None:
        super().__init__(
            scope,
            site,
            "peering",
            description="How to join this network; its connections to older regions, and routes",
        )
        self.networks = networks
        self.network = networks[site.region]
        self._tell()
        if older:
            self._join(older)

    def _tell(self) -> None:
        """For networks that are no region of this platform: what a peering with this one is made of."""
        known = self.network.published
        self.add_stack_dependency(self.network, "it tells of that network")
        for name, value in {"route-tables": known.route_tables, "vpc-id": known.vpc_id}.items():
            ssm.StringParameter(
                self,
                f"Parameter-{name}",
                parameter_name=self.site.names.parameter("peering", name),
                string_value=value,
            )

    def _join(self, older: Sequence[str]) -> None:
        self.function = self._function(older)
        for peer in sorted(older):
            self.add_stack_dependency(self.networks[peer], "it joins that network")
            connection = self._connect(peer)
            self._routes(peer, connection)
            self._routes_back(peer, connection)

    def _connect(self, peer: str) -> ec2.CfnVPCPeeringConnection:
        """Within one account CloudFormation accepts the request itself, in the peer's region."""
        connection = ec2.CfnVPCPeeringConnection(
            self,
            f"Connection-{peer}",
            vpc_id=self.network.vpc.vpc_id,
            peer_vpc_id=self.networks[peer].published.vpc_id,
            peer_region=peer,
        )
        connection.tags.set_tag("Name", f"{self.site.names.prefix} {self.site.region} {peer}")
        return connection

    def _routes(self, peer: str, connection: ec2.CfnVPCPeeringConnection) -> None:
        """Tasks reach the peer's databases; databases answer. Nothing public takes part."""
        for tier in (PRIVATE, DATA):
            subnets = self.network.vpc.select_subnets(subnet_group_name=tier).subnets
            for number, subnet in enumerate(subnets, start=1):
                ec2.CfnRoute(
                    self,
                    f"Route-{peer}-{tier}{number}",
                    route_table_id=subnet.route_table.route_table_id,
                    destination_cidr_block=self.site.environment.regions[peer].cidr,
                    vpc_peering_connection_id=connection.ref,
                )

    def _routes_back(self, peer: str, connection: ec2.CfnVPCPeeringConnection) -> None:
        """The same in the peer's tables. CloudFormation makes a route in its stack's own region only."""
        routes = cdk.CustomResource(
            self,
            f"RoutesBack-{peer}",
            resource_type="Custom::PeeringRoutes",
            service_token=self.function.resource.function_arn,
            properties={
                "Region": peer,
                "Tables": self.networks[peer].published.route_tables,
                "Network": self.site.environment.regions[self.site.region].cidr,
                "Connection": connection.ref,
            },
        )
        routes.node.add_dependency(self.function.policy)

    def _function(self, older: Sequence[str]) -> PlatformFunction:
        """Imported key: its policy is written where it stands, and admits every log of the platform."""
        site = self.site
        tables = [f"arn:aws:ec2:{peer}:{site.account}:route-table/*" for peer in sorted(older)]
        own = {"aws:ResourceTag/project": PROJECT, "aws:ResourceTag/environment": site.environment.name}
        return PlatformFunction(
            self,
            "Router",
            site=site,
            props=FunctionProps(
                code="peering_routes",
                log_name="peering/routes",
                timeout=cdk.Duration.minutes(2),
                description=f"Routes of the older regions to the network of {site.region}",
                key=kms.Key.from_key_arn(self, "LogKey", self.network.log_key.key_arn),
                statements=[
                    iam.PolicyStatement(
                        sid="LeadHere",
                        actions=["ec2:CreateRoute", "ec2:DeleteRoute", "ec2:ReplaceRoute"],
                        resources=tables,
                        conditions={"StringEquals": own},
                    ),
                    # The action knows no resource (service authorization reference of EC2).
                    iam.PolicyStatement(
                        sid="ReadTheTables", actions=["ec2:DescribeRouteTables"], resources=["*"]
                    ),
                ],
            ),
        )
