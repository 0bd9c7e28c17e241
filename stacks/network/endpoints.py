"""Interface endpoints: AWS services at private addresses, each behind a security group of its own."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from stacks.base import Site
from stacks.network.tiers import PRIVATE


class InterfaceEndpoints(Construct):
    """One endpoint a service in every zone's private subnet, under the service's public name (private DNS),
    so that no caller is configured for it."""

    def __init__(
        self, scope: Construct, construct_id: str, *, site: Site, vpc: ec2.Vpc, services: Sequence[str]
    ) -> None:
        super().__init__(scope, construct_id)
        network = ec2.Peer.ipv4(site.environment.regions[site.region].cidr)
        for service in sorted(services):
            group = ec2.SecurityGroup(
                self,
                f"{service}-group",
                vpc=vpc,
                description=f"Endpoint of {service}",
                allow_all_outbound=False,
            )
            group.add_ingress_rule(network, ec2.Port.tcp(443), "HTTPS from the region's network")
            ec2.InterfaceVpcEndpoint(
                self,
                service,
                vpc=vpc,
                service=ec2.InterfaceVpcEndpointAwsService(service),
                subnets=ec2.SubnetSelection(subnet_group_name=PRIVATE),
                security_groups=[group],
                private_dns_enabled=True,
                open=False,
            )
