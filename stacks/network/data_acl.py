"""Network ACL of the data subnets: a second fence, for the day a security group is opened by mistake."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from stacks.base import Site
from stacks.network.tiers import DATA

#: Every data port and every ephemeral port: NAT gateways and Lambda take theirs from 1024 on ("Ephemeral
#: ports", Amazon VPC user guide). What reaches a data port is for the security groups to say.
PORTS = (1024, 65535)

#: ICMP "fragmentation needed": without it a path of smaller packets, such as one to another region, stalls.
FRAGMENTATION_NEEDED = (3, 4)

_PATH_MTU_RULE, _PLATFORM_RULE = 99, 100


class DataSubnetAcl(Construct):
    """In: TCP from the platform's own networks. Out: TCP to them, answers and replicas. Nothing else.

    They are one rule, the address space: a region that joins or retires changes no other's ACL, and only
    networks that are peered have a route to here.
    """

    def __init__(self, scope: Construct, construct_id: str, *, site: Site, vpc: ec2.Vpc) -> None:
        super().__init__(scope, construct_id)
        self.acl = ec2.NetworkAcl(
            self, "Acl", vpc=vpc, subnet_selection=ec2.SubnetSelection(subnet_group_name=DATA)
        )
        tcp = ec2.AclTraffic.tcp_port_range(*PORTS)
        platform = ec2.AclCidr.ipv4(site.environment.network.address_space)
        self._allow("FromPlatform", _PLATFORM_RULE, platform, tcp, ec2.TrafficDirection.INGRESS)
        self._allow("ToPlatform", _PLATFORM_RULE, platform, tcp, ec2.TrafficDirection.EGRESS)
        # From any router on the way; the subnets have no route from which a stranger could send it.
        icmp = ec2.AclTraffic.icmp(type=FRAGMENTATION_NEEDED[0], code=FRAGMENTATION_NEEDED[1])
        anywhere = ec2.AclCidr.any_ipv4()
        self._allow("PathMtu", _PATH_MTU_RULE, anywhere, icmp, ec2.TrafficDirection.INGRESS)

    def _allow(
        self,
        construct_id: str,
        number: int,
        cidr: ec2.AclCidr,
        traffic: ec2.AclTraffic,
        direction: ec2.TrafficDirection,
    ) -> None:
        self.acl.add_entry(construct_id, rule_number=number, cidr=cidr, traffic=traffic, direction=direction)
