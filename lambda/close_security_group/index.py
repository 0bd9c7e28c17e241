"""Custom resource: takes every rule from one security group.

Properties: ``GroupId``. Create and Update take the rules, of both directions; Delete does nothing, as the
group goes with its VPC.
"""

from __future__ import annotations

from typing import Any

import boto3
import cloudformation


def handler(event: dict[str, Any], _context: object) -> None:
    """Answers CloudFormation at ``event["ResponseURL"]``, whatever happens."""

    def act() -> None:
        if event["RequestType"] != "Delete":
            close(event["ResourceProperties"]["GroupId"], boto3.client("ec2"))

    cloudformation.answer(event, act)


def close(group_id: str, ec2: Any) -> None:
    """Revokes what the group holds now; a group without rules is left as it is."""
    (group,) = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    if group["IpPermissions"]:
        ec2.revoke_security_group_ingress(GroupId=group_id, IpPermissions=group["IpPermissions"])
    if group["IpPermissionsEgress"]:
        ec2.revoke_security_group_egress(GroupId=group_id, IpPermissions=group["IpPermissionsEgress"])
