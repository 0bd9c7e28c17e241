"""network: the VPC of a region, in three subnet tiers over explicit availability zones."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import PlatformStack, Site, allow_logs, retention
from stacks.environment import SUBNET_PREFIXES

PUBLIC = "public"
PRIVATE = "private"
DATA = "data"


class NetworkStack(PlatformStack):
    """Public subnets hold the load balancer and NAT, private ones the tasks, data ones no route out."""

    def __init__(self, scope: Construct, site: Site) -> None:
        super().__init__(scope, site, "network", description="VPC, subnets, NAT and gateway endpoints")
        settings = site.environment.network
        zones = site.environment.regions[site.region].availability_zones
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=site.names.prefix,
            ip_addresses=ec2.IpAddresses.cidr(site.environment.regions[site.region].cidr),
            availability_zones=zones,
            nat_gateways=len(zones) if settings.nat_gateways == "per-zone" else 1,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name=PUBLIC,
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=SUBNET_PREFIXES[PUBLIC],
                    map_public_ip_on_launch=False,
                ),
                ec2.SubnetConfiguration(
                    name=PRIVATE,
                    subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS,
                    cidr_mask=SUBNET_PREFIXES[PRIVATE],
                ),
                ec2.SubnetConfiguration(
                    name=DATA,
                    subnet_type=ec2.SubnetType.PRIVATE_ISOLATED,
                    cidr_mask=SUBNET_PREFIXES[DATA],
                ),
            ],
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
        )
        self._log_flows()

    def _log_flows(self) -> None:
        """Flow logs to CloudWatch Logs, under a key of their own."""
        key = kms.Key(
            self,
            "FlowLogKey",
            description=f"Flow logs of {self.site.names.prefix} in {self.site.region}",
            enable_key_rotation=True,
            removal_policy=self.site.removal_policy,
        )
        name = f"/{self.site.names.prefix}/flow-logs"
        allow_logs(key, self.site, name)
        group = logs.LogGroup(
            self,
            "FlowLogs",
            log_group_name=name,
            encryption_key=key,
            retention=retention(self.site.environment.network.flow_log_days),
            removal_policy=self.site.removal_policy,
        )
        self.vpc.add_flow_log("FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(group))
