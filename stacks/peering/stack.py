"""peering: a region's connections to the other regions' networks, and its routes through them."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.network.stack import DATA, PRIVATE, NetworkStack


class PeeringStack(PlatformStack):
    """One region's share of the full mesh, after all networks.

    Of two regions the one whose code comes first owns their connection, so that a region added later
    moves no connection that exists. ``earlier`` holds the stacks of the regions before this one: they
    own the connections that lead here. A stack never refers to a later one; else the two would wait for
    each other.
    """

    def __init__(
        self,
        scope: Construct,
        site: Site,
        *,
        networks: Mapping[str, NetworkStack],
        earlier: Mapping[str, PeeringStack],
    ) -> None:
        super().__init__(scope, site, "peering", description="Connections to the other regions, and routes")
        self.vpc = networks[site.region].vpc
        self.connections = {
            peer: self._connect(peer, network.vpc)
            for peer, network in networks.items()
            if peer != site.region and peer not in earlier
        }
        leading_here = {region: stack.connections[site.region] for region, stack in earlier.items()}
        for peer, connection in sorted((leading_here | self.connections).items()):
            self._route(peer, connection)

    def _connect(self, peer: str, vpc: ec2.IVpc) -> ec2.CfnVPCPeeringConnection:
        """Within one account CloudFormation accepts the request itself, in the peer's region."""
        connection = ec2.CfnVPCPeeringConnection(
            self,
            f"Connection-{peer}",
            vpc_id=self.vpc.vpc_id,
            peer_vpc_id=vpc.vpc_id,
            peer_region=peer,
        )
        connection.tags.set_tag("Name", f"{self.site.names.prefix} {self.site.region} {peer}")
        return connection

    def _route(self, peer: str, connection: ec2.CfnVPCPeeringConnection) -> None:
        """Tasks reach the peer's databases; databases answer. Nothing public takes part."""
        for tier in (PRIVATE, DATA):
            for number, subnet in enumerate(self._subnets(tier), start=1):
                ec2.CfnRoute(
                    self,
                    f"Route-{peer}-{tier}{number}",
                    route_table_id=subnet.route_table.route_table_id,
                    destination_cidr_block=self.site.environment.regions[peer].cidr,
                    vpc_peering_connection_id=connection.ref,
                )

    def _subnets(self, tier: str) -> list[ec2.ISubnet]:
        return self.vpc.select_subnets(subnet_group_name=tier).subnets
