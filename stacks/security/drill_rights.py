"""What the role of each drill may do (permissions of each action: "AWS FIS Actions reference").

What FIS makes for a drill it tags ``managedByFIS``; nothing without that tag can be deleted by it. Reading
actions of EC2, RDS and the tagging API know no resource.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_iam as iam

from stacks.base import Site

_MADE = {"StringEquals": {"aws:RequestTag/managedByFIS": "true"}}
_OWN = {"StringEquals": {"aws:ResourceTag/managedByFIS": "true"}}


def statements(action: str, site: Site) -> list[iam.PolicyStatement]:
    """Of the role that runs ``action`` in the region."""
    account = f"{site.region}:{site.account}"
    tagged = {
        "StringEquals": {
            "aws:ResourceTag/environment": site.environment.name,
        }
    }
    if action == "aws:ecs:stop-task":
        tasks = [f"arn:aws:ecs:{account}:task/{site.names.cluster}/*"]
        return [_read("tag:GetResources"), _allow("StopTasks", ["ecs:DescribeTasks", "ecs:StopTask"], tasks)]
    if action == "aws:rds:failover-db-cluster":
        cluster = f"arn:aws:rds:{account}:cluster:{site.names.database_cluster(site.region)}"
        return [
            _read("rds:DescribeDBClusters", "tag:GetResources"),
            _allow("FailOver", ["rds:FailoverDBCluster"], [cluster]),
        ]
    if action == "aws:elasticache:replicationgroup-interrupt-az-power":
        groups = [f"arn:aws:elasticache:{account}:replicationgroup:{site.names.prefix}-*"]
        return [
            _read("elasticache:DescribeReplicationGroups", "tag:GetResources"),
            _allow("InterruptPower", ["elasticache:InterruptClusterAzPower"], groups, tagged),
        ]
    if action == "aws:network:disrupt-connectivity":
        return [*_network(site, "network-acl", "NetworkAcl", ["ec2:CreateNetworkAclEntry"])]
    return [
        *_network(site, "route-table", "RouteTable", ["ec2:CreateRoute"]),
        *_network(site, "prefix-list", "ManagedPrefixList", ["ec2:ModifyManagedPrefixList"]),
    ]


def _network(site: Site, kind: str, noun: str, fill: list[str]) -> list[iam.PolicyStatement]:
    """Making one kind of network resource, putting it before a subnet, and taking it away again."""
    account = f"{site.region}:{site.account}"
    made = f"arn:aws:ec2:{account}:{kind}/*"
    places = [f"arn:aws:ec2:{account}:{name}/*" for name in (kind, "subnet", "vpc")]
    found = [
        _read(
            f"ec2:Describe{noun}s",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            "ec2:DescribeVpcPeeringConnections",
            sid=f"Read{noun}",
        ),
        _allow(f"Make{noun}", [f"ec2:Create{noun}", "ec2:CreateTags"], [made], _MADE),
        _allow(f"MakeIn{noun}Vpc", [f"ec2:Create{noun}"], [f"arn:aws:ec2:{account}:vpc/*"]),
        _allow(f"FillAndRemove{noun}", [*fill, f"ec2:Delete{noun}"], [made], _OWN),
    ]
    if kind == "network-acl":
        found.append(_allow("PlaceAcl", ["ec2:ReplaceNetworkAclAssociation"], places))
    if kind == "route-table":
        moves = ["ec2:AssociateRouteTable", "ec2:DisassociateRouteTable", "ec2:ReplaceRouteTableAssociation"]
        found.append(_allow("PlaceTable", moves, places))
    if kind == "prefix-list":
        found.append(_allow("ReadEntries", ["ec2:GetManagedPrefixListEntries"], [made]))
    return found


def _read(*actions: str, sid: str = "FindTargets") -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=[*actions], resources=["*"])


def _allow(
    sid: str, actions: list[str], resources: list[str], conditions: Mapping[str, object] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=actions, resources=resources, conditions=conditions)
