"""network: the VPC of a region, in three subnet tiers over explicit availability zones."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.network.data_acl import DataSubnetAcl
from stacks.network.default_group import ClosedDefaultGroup
from stacks.network.endpoints import InterfaceEndpoints
from stacks.network.state import NetworkStateStack
from stacks.network.tiers import DATA, PRIVATE, PUBLIC, subnets
from stacks.role import granted_role

__all__ = ["DATA", "PRIVATE", "PUBLIC", "NetworkStack"]


@dataclass(frozen=True)
class Published:
    """What another region's stack reads of a network: outputs that are there whether anybody reads them."""

    vpc_id: str
    route_tables: str
    """Ids of the tables of the private and data subnets, comma-separated."""


class NetworkStack(PlatformStack):
    """Public subnets hold the load balancer and NAT, private ones the tasks, data ones no route out."""

    def __init__(self, scope: Construct, site: Site, *, state: NetworkStateStack) -> None:
        super().__init__(scope, site, "network", description="VPC, subnets, NAT, endpoints and data ACL")
        settings = site.environment.network
        self.log_key = state.key
        self.vpc = self._vpc()
        InterfaceEndpoints(self, "Endpoints", site=site, vpc=self.vpc, services=settings.interface_endpoints)
        DataSubnetAcl(self, "DataAcl", site=site, vpc=self.vpc)
        ClosedDefaultGroup(self, "DefaultGroup", site=site, vpc=self.vpc, log_group=state.closer_logs)
        self._flow_log(state)
        self.published = self._publish()

    def _publish(self) -> Published:
        """The CDK writes an output once somebody refers to it; a region that joins would then change this
        stack. So these are written always, and named."""
        subnets = [
            subnet
            for tier in (PRIVATE, DATA)
            for subnet in self.vpc.select_subnets(subnet_group_name=tier).subnets
        ]
        values = {
            "VpcId": self.vpc.vpc_id,
            "RouteTables": ",".join(subnet.route_table.route_table_id for subnet in subnets),
        }
        for name, value in values.items():
            cdk.CfnOutput(self, name, value=value)
        vpc_id, tables = (cdk.Fn.get_stack_output(self.stack_name, name, self.region) for name in values)
        return Published(vpc_id, tables)

    def _flow_log(self, state: NetworkStateStack) -> None:
        """With a role of our own: the one that the CDK makes has an inline policy."""
        role, policy = granted_role(
            self,
            name="FlowLog",
            assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com"),
            description="Flow log of the VPC",
        )
        state.flow_logs.grant(policy, "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
        flow_log = self.vpc.add_flow_log(
            "FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(state.flow_logs, role)
        )
        flow_log.node.add_dependency(policy)

    def _vpc(self) -> ec2.Vpc:
        region = self.site.environment.regions[self.site.region]
        nat = self.site.environment.network.nat_gateways
        return ec2.Vpc(
            self,
            "Vpc",
            vpc_name=self.site.names.prefix,
            ip_addresses=ec2.IpAddresses.cidr(region.cidr),
            availability_zones=region.availability_zones,
            nat_gateways={"per-zone": len(region.availability_zones), "one": 1, "none": 0}[nat],
            # The CDK's own resource for it is a Node function without a log group: see default_group.py.
            restrict_default_security_group=False,
            subnet_configuration=subnets(internet=nat != "none"),
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
        )
