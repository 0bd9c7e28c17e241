"""EC2: gateways, rules and associations that the shipped CloudFormation lacks, through the EC2 API."""

from __future__ import annotations

from typing import Any

from ops.local.types import api
from ops.local.types.registry import (
    Attributes,
    Properties,
    Provisioned,
    ResourceType,
    built_in,
    call_built_in_delete,
    call_built_in_update,
    replace,
)
from ops.local.types.through_api import ThroughApi, delete_quietly

_ROUTING = "that packets follow it: all addresses here are loopback"


def types() -> list[ResourceType]:
    """Every EC2 type of this package."""
    return [
        ThroughApi(
            "AWS::EC2::EIP",
            "ec2",
            "AllocateAddress",
            "PublicIp",
            "ReleaseAddress",
            _release_arguments,
            attributes={"AllocationId": "AllocationId", "PublicIp": "PublicIp"},
            tag_type="elastic-ip",
            cannot_prove=_ROUTING,
        ).resource(),
        ThroughApi(
            "AWS::EC2::NatGateway",
            "ec2",
            "CreateNatGateway",
            "NatGateway.NatGatewayId",
            "DeleteNatGateway",
            lambda pid, _: {"NatGatewayId": pid},
            attributes={"NatGatewayId": "NatGateway.NatGatewayId"},
            tag_type="natgateway",
            cannot_prove=_ROUTING,
        ).resource(),
        ThroughApi(
            "AWS::EC2::FlowLog",
            "ec2",
            "CreateFlowLogs",
            "FlowLogIds[0]",
            "DeleteFlowLogs",
            lambda pid, _: {"FlowLogIds": [pid]},
            attributes={"Id": "FlowLogIds[0]"},
            tag_type="vpc-flow-log",
            adapt=lambda p: {**p, "ResourceIds": [p.get("ResourceId")]},
            cannot_prove="that a flow is ever logged",
        ).resource(),
        ThroughApi(
            "AWS::EC2::NetworkAcl",
            "ec2",
            "CreateNetworkAcl",
            "NetworkAcl.NetworkAclId",
            "DeleteNetworkAcl",
            lambda pid, _: {"NetworkAclId": pid},
            attributes={"Id": "NetworkAcl.NetworkAclId"},
            tag_type="network-acl",
            cannot_prove=_ROUTING,
        ).resource(),
        _rule("AWS::EC2::SecurityGroupIngress", "Ingress"),
        _rule("AWS::EC2::SecurityGroupEgress", "Egress"),
        _plain("AWS::EC2::NetworkAclEntry", _create_acl_entry, _delete_acl_entry),
        _plain("AWS::EC2::SubnetNetworkAclAssociation", _associate_acl, lambda _pid, _p: None),
        _plain("AWS::EC2::VPCPeeringConnection", _create_peering, _delete_peering),
        _vpc(),
    ]


def _release_arguments(physical_id: str, _properties: Properties) -> dict[str, Any]:
    found = api.call("ec2", "DescribeAddresses", PublicIps=[physical_id])["Addresses"]
    return {"AllocationId": found[0]["AllocationId"]} if found else {"PublicIp": physical_id}


def _plain(name: str, create: Any, delete: Any, does: str = "") -> ResourceType:
    """A type whose change is always a replacement."""

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        return replace(resource, pid, old, new, stack, logical_id)

    resource = ResourceType(name, "real", does or "is kept by the EC2 API", _ROUTING, create, update, delete)
    return resource


def _rule(name: str, direction: str) -> ResourceType:
    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        answer = api.call(
            "ec2",
            f"AuthorizeSecurityGroup{direction}",
            GroupId=properties["GroupId"],
            IpPermissions=[permission(properties)],
        )
        rules = answer.get("SecurityGroupRules") or []
        rule_id = rules[0]["SecurityGroupRuleId"] if rules else f"{stack}-{logical_id}"
        return rule_id, {"Id": rule_id}

    def delete(_physical_id: str, properties: Properties) -> None:
        given = {"GroupId": properties["GroupId"], "IpPermissions": [permission(properties)]}
        delete_quietly("ec2", f"RevokeSecurityGroup{direction}", given)

    return _plain(name, create, delete, f"adds the rule to its security group ({direction.lower()})")


def permission(properties: Properties) -> dict[str, Any]:
    """The API's IpPermission for a rule as a template writes it (one peer, flat)."""
    made: dict[str, Any] = {"IpProtocol": str(properties.get("IpProtocol", "-1"))}
    for key in ("FromPort", "ToPort"):
        if key in properties:
            made[key] = int(properties[key])
    text = {"Description": properties["Description"]} if properties.get("Description") else {}
    peers = (
        ("CidrIp", "IpRanges", "CidrIp"),
        ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
        ("SourcePrefixListId", "PrefixListIds", "PrefixListId"),
        ("DestinationPrefixListId", "PrefixListIds", "PrefixListId"),
        ("SourceSecurityGroupId", "UserIdGroupPairs", "GroupId"),
        ("DestinationSecurityGroupId", "UserIdGroupPairs", "GroupId"),
    )
    for key, field, member in peers:
        if properties.get(key):
            made[field] = [{member: properties[key], **text}]
    return made


def _create_acl_entry(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    given: dict[str, Any] = {
        "NetworkAclId": properties["NetworkAclId"],
        "RuleNumber": int(properties["RuleNumber"]),
        "Protocol": str(properties["Protocol"]),
        "RuleAction": properties["RuleAction"],
        "Egress": str(properties.get("Egress", False)).lower() == "true",
    }
    for key in ("CidrBlock", "Ipv6CidrBlock"):
        if properties.get(key):
            given[key] = properties[key]
    if properties.get("PortRange"):
        given["PortRange"] = {side: int(port) for side, port in properties["PortRange"].items()}
    api.call("ec2", "CreateNetworkAclEntry", **given)
    entry_id = f"{stack}-{logical_id}"
    return entry_id, {"Id": entry_id}


def _delete_acl_entry(_physical_id: str, properties: Properties) -> None:
    delete_quietly(
        "ec2",
        "DeleteNetworkAclEntry",
        {
            "NetworkAclId": properties["NetworkAclId"],
            "RuleNumber": int(properties["RuleNumber"]),
            "Egress": str(properties.get("Egress", False)).lower() == "true",
        },
    )


def _associate_acl(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    subnet = properties["SubnetId"]
    acls = api.call("ec2", "DescribeNetworkAcls")["NetworkAcls"]
    current = [a for acl in acls for a in acl.get("Associations", []) if a.get("SubnetId") == subnet]
    if not current:
        # The server does not track the association that a new subnet has with the default ACL.
        association = f"aclassoc-{stack}-{logical_id}"
    else:
        association = api.call(
            "ec2",
            "ReplaceNetworkAclAssociation",
            AssociationId=current[0]["NetworkAclAssociationId"],
            NetworkAclId=properties["NetworkAclId"],
        )["NewAssociationId"]
    return association, {"AssociationId": association}


def _create_peering(_logical_id: str, properties: Properties, _stack: str) -> Provisioned:
    given = {
        key: properties[key]
        for key in ("VpcId", "PeerVpcId", "PeerRegion", "PeerOwnerId")
        if properties.get(key)
    }
    if properties.get("Tags"):
        given["TagSpecifications"] = [{"ResourceType": "vpc-peering-connection", "Tags": properties["Tags"]}]
    peering = api.call("ec2", "CreateVpcPeeringConnection", **given)["VpcPeeringConnection"][
        "VpcPeeringConnectionId"
    ]
    # Within one account CloudFormation accepts the request itself.
    api.call("ec2", "AcceptVpcPeeringConnection", VpcPeeringConnectionId=peering)
    return peering, {"Id": peering}


def _delete_peering(physical_id: str, _properties: Properties) -> None:
    delete_quietly("ec2", "DeleteVpcPeeringConnection", {"VpcPeeringConnectionId": physical_id})


def _vpc() -> ResourceType:
    shipped = built_in("AWS::EC2::VPC")

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        vpc, attributes = shipped["create"](logical_id, properties, stack)
        return vpc, _vpc_attributes(vpc, attributes)

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        vpc, attributes = call_built_in_update(shipped, pid, old, new, stack, logical_id)
        return vpc, _vpc_attributes(vpc, attributes)

    def delete(physical_id: str, properties: Properties) -> None:
        call_built_in_delete(shipped, physical_id, properties)

    return ResourceType(
        "AWS::EC2::VPC",
        "real",
        "adds CidrBlock, CidrBlockAssociations and Ipv6CidrBlocks to the shipped attributes",
        _ROUTING,
        create,
        update,
        delete,
    )


def _vpc_attributes(vpc: str, attributes: Attributes) -> Attributes:
    described = api.call("ec2", "DescribeVpcs", VpcIds=[vpc])["Vpcs"][0]
    associations = [
        a["AssociationId"] for a in described.get("CidrBlockAssociationSet", []) if a.get("AssociationId")
    ]
    return {
        **attributes,
        "CidrBlock": described["CidrBlock"],
        "CidrBlockAssociations": associations or [f"vpc-cidr-assoc-{vpc.removeprefix('vpc-')}"],
        "Ipv6CidrBlocks": [],
    }
