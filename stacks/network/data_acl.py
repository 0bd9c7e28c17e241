"""Network ACL of the data subnets: a second fence, for the day a security group is opened by mistake."""

from __future__ import annotations

import ipaddress

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from stacks.base import Site
from stacks.network.tiers import DATA

#: Every data port and every ephemeral port: NAT gateways and Lambda take theirs from 1024 on ("Ephemeral
#: ports", Amazon VPC user guide). What reaches a data port is for the security groups to say.
PORTS = (1024, 65535)

#: ICMP "fragmentation needed": without it a path of smaller packets, such as one to another region, stalls.
FRAGMENTATION_NEEDED = (3, 4)

_FIRST_RULE = 100

#: RFC 1918 in the order in which rule numbers are given to it.
_PRIVATE = tuple(ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


class DataSubnetAcl(Construct):
    """In: TCP from the platform's own networks. Out: TCP to them, answers and replicas. Nothing else."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site, vpc: ec2.Vpc) -> None:
        super().__init__(scope, construct_id)
        self.acl = ec2.NetworkAcl(
            self, "Acl", vpc=vpc, subnet_selection=ec2.SubnetSelection(subnet_group_name=DATA)
        )
        tcp = ec2.AclTraffic.tcp_port_range(*PORTS)
        for region, settings in site.environment.regions.items():
            cidr = ec2.AclCidr.ipv4(settings.cidr)
            self._allow(f"From-{region}", rule_number(settings.cidr), cidr, tcp, ec2.TrafficDirection.INGRESS)
            self._allow(f"To-{region}", rule_number(settings.cidr), cidr, tcp, ec2.TrafficDirection.EGRESS)
        # From any router on the way; the subnets have no route from which a stranger could send it.
        icmp = ec2.AclTraffic.icmp(type=FRAGMENTATION_NEEDED[0], code=FRAGMENTATION_NEEDED[1])
        anywhere = ec2.AclCidr.any_ipv4()
        self._allow("PathMtu", _FIRST_RULE - 1, anywhere, icmp, ec2.TrafficDirection.INGRESS)

    def _allow(
        self,
        construct_id: str,
        number: int,
        cidr: ec2.AclCidr,
        traffic: ec2.AclTraffic,
        direction: ec2.TrafficDirection,
    ) -> None:
        self.acl.add_entry(construct_id, rule_number=number, cidr=cidr, traffic=traffic, direction=direction)


def rule_number(cidr: str) -> int:
    """A number of the network's own: its place, in steps of the smallest network, among the private ones.

    A region that is added renumbers no rule of another; CloudFormation could not swap two numbers.
    """
    network = ipaddress.IPv4Network(cidr)
    number = _FIRST_RULE
    for block in _PRIVATE:
        if network.subnet_of(block):
            return number + ((int(network.network_address) - int(block.network_address)) >> 12)
        number += block.num_addresses >> 12
    raise ValueError(f"{cidr} is no private network")
