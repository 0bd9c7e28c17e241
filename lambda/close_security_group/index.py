"""Custom resource: takes every rule from one security group.

Properties: ``GroupId``. Create and Update take the rules, of both directions; Delete does nothing, as the
group goes with its VPC. Protocol: "Custom resource request and response", AWS CloudFormation user guide.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import boto3

#: CloudFormation refuses an answer beyond 4096 bytes; the rest of it is ids.
MAX_REASON_BYTES = 2048


def handler(event: dict[str, Any], _context: object) -> None:
    """Answers CloudFormation at ``event["ResponseURL"]``, whatever happens."""
    reason = ""
    try:
        if event["RequestType"] != "Delete":
            close(event["ResourceProperties"]["GroupId"], boto3.client("ec2"))
    except Exception as error:
        reason = str(error) or type(error).__name__
    respond(event, "FAILED" if reason else "SUCCESS", reason)


def close(group_id: str, ec2: Any) -> None:
    """Revokes what the group holds now; a group without rules is left as it is."""
    (group,) = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    if group["IpPermissions"]:
        ec2.revoke_security_group_ingress(GroupId=group_id, IpPermissions=group["IpPermissions"])
    if group["IpPermissionsEgress"]:
        ec2.revoke_security_group_egress(GroupId=group_id, IpPermissions=group["IpPermissionsEgress"])


def respond(event: dict[str, Any], status: str, reason: str) -> None:
    """PUTs the outcome to the pre-signed URL that CloudFormation gave."""
    body = json.dumps(
        {
            "Status": status,
            "Reason": reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore") or "done",
            "PhysicalResourceId": event.get("PhysicalResourceId")
            or f"{event['StackId']}/{event['LogicalResourceId']}",
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
        },
        ensure_ascii=False,
    ).encode()
    request = urllib.request.Request(  # noqa: S310  (the URL is CloudFormation's)
        event["ResponseURL"], data=body, method="PUT", headers={"content-type": ""}
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass
