"""VPC parts that the shipped CloudFormation lacks."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import LocalAws, Stack


def _network() -> dict[str, Any]:
    vpc, subnet, group = {"Ref": "Vpc"}, {"Ref": "Subnet"}, {"Fn::GetAtt": ["Group", "GroupId"]}
    acl = {"Ref": "Acl"}
    made: dict[str, tuple[str, dict[str, Any]]] = {
        "Vpc": ("VPC", {"CidrBlock": "10.9.0.0/16"}),
        "Other": ("VPC", {"CidrBlock": "10.10.0.0/16"}),
        "Subnet": ("Subnet", {"VpcId": vpc, "CidrBlock": "10.9.1.0/24", "AvailabilityZone": "us-east-1a"}),
        "Address": ("EIP", {"Domain": "vpc"}),
        "Nat": (
            "NatGateway",
            {"SubnetId": subnet, "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]}},
        ),
        "Group": ("SecurityGroup", {"GroupDescription": "gateway", "VpcId": vpc}),
        "In": (
            "SecurityGroupIngress",
            {
                "GroupId": group,
                "IpProtocol": "tcp",
                "FromPort": 8000,
                "ToPort": "8000",
                "CidrIp": "10.9.0.0/16",
            },
        ),
        "Out": (
            "SecurityGroupEgress",
            {
                "GroupId": group,
                "IpProtocol": "tcp",
                "FromPort": 5432,
                "ToPort": 5432,
                "DestinationSecurityGroupId": group,
            },
        ),
        "Acl": ("NetworkAcl", {"VpcId": vpc}),
        "Entry": (
            "NetworkAclEntry",
            {
                "NetworkAclId": acl,
                "RuleNumber": 100,
                "Protocol": 6,
                "RuleAction": "allow",
                "CidrBlock": "10.9.0.0/16",
                "PortRange": {"From": 5432, "To": 5432},
            },
        ),
        "Associated": ("SubnetNetworkAclAssociation", {"NetworkAclId": acl, "SubnetId": subnet}),
        "Flows": (
            "FlowLog",
            {
                "ResourceId": vpc,
                "ResourceType": "VPC",
                "TrafficType": "ALL",
                "LogDestinationType": "s3",
                "LogDestination": "arn:aws:s3:::flows",
            },
        ),
        "Peering": ("VPCPeeringConnection", {"VpcId": vpc, "PeerVpcId": {"Ref": "Other"}}),
    }
    return {lid: {"Type": f"AWS::EC2::{kind}", "Properties": props} for lid, (kind, props) in made.items()}


@pytest.fixture(scope="module")
def network(aws: LocalAws) -> Stack:
    outputs = {
        "Vpc": {"Ref": "Vpc"},
        "Cidr": {"Fn::GetAtt": ["Vpc", "CidrBlock"]},
        "DefaultGroup": {"Fn::GetAtt": ["Vpc", "DefaultSecurityGroup"]},
        "CidrAssociation": {"Fn::Select": [0, {"Fn::GetAtt": ["Vpc", "CidrBlockAssociations"]}]},
        "Group": {"Fn::GetAtt": ["Group", "GroupId"]},
        "Nat": {"Ref": "Nat"},
        "Address": {"Ref": "Address"},
        "Peering": {"Ref": "Peering"},
        "Acl": {"Ref": "Acl"},
    }
    return aws.deploy(_network(), outputs)


def test_a_vpc_gives_its_attributes(network: Stack) -> None:
    assert network.outputs["Cidr"] == "10.9.0.0/16"
    assert network.outputs["DefaultGroup"].startswith("sg-")
    assert network.outputs["CidrAssociation"].startswith("vpc-cidr-assoc-")


def test_a_nat_gateway_stands_in_its_subnet(aws: LocalAws, network: Stack) -> None:
    found = aws.client("ec2").describe_nat_gateways(NatGatewayIds=[network.outputs["Nat"]])["NatGateways"][0]
    assert (found["State"], found["VpcId"]) == ("available", network.outputs["Vpc"])


def test_rules_of_their_own_arrive_in_the_security_group(aws: LocalAws, network: Stack) -> None:
    group = aws.client("ec2").describe_security_groups(GroupIds=[network.outputs["Group"]])["SecurityGroups"][
        0
    ]
    assert [(rule["FromPort"], rule["IpRanges"][0]["CidrIp"]) for rule in group["IpPermissions"]] == [
        (8000, "10.9.0.0/16")
    ]
    peers = [
        pair["GroupId"] for rule in group["IpPermissionsEgress"] for pair in rule.get("UserIdGroupPairs", [])
    ]
    assert peers == [network.outputs["Group"]]


def test_a_network_acl_has_its_entry(aws: LocalAws, network: Stack) -> None:
    acl = aws.client("ec2").describe_network_acls(NetworkAclIds=[network.outputs["Acl"]])["NetworkAcls"][0]
    added = [(e["CidrBlock"], e["RuleAction"], e["Egress"]) for e in acl["Entries"] if e["RuleNumber"] == 100]
    assert added == [("10.9.0.0/16", "allow", False)]


def test_a_peering_is_active(aws: LocalAws, network: Stack) -> None:
    peering = aws.client("ec2").describe_vpc_peering_connections(
        VpcPeeringConnectionIds=[network.outputs["Peering"]]
    )
    assert peering["VpcPeeringConnections"][0]["Status"]["Code"] == "active"


def test_a_network_can_be_deleted(aws: LocalAws) -> None:
    stack = aws.deploy(_network(), {"Vpc": {"Ref": "Vpc"}})
    stack.delete()
    assert stack.outputs["Vpc"] not in [vpc["VpcId"] for vpc in aws.client("ec2").describe_vpcs()["Vpcs"]]
