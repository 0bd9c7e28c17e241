"""Custom resource: ids of AWS-managed prefix lists in this region.

Property ``Names``: mapping of attribute → name of a managed prefix list. Answers each attribute with the
list's id. The ids differ by region and AWS publishes no table of them, so they are asked for where they are
used. Protocol: "Custom resource request and response", AWS CloudFormation user guide.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import boto3


class UnknownPrefixListError(Exception):
    """AWS has no managed prefix list of that name in this region."""


def handler(event: dict[str, Any], _context: Any) -> None:
    """Answers CloudFormation at ``event["ResponseURL"]``, whatever happens."""
    physical_id = event.get("PhysicalResourceId") or f"{event['StackId']}/{event['LogicalResourceId']}"
    found: dict[str, str] = {}
    try:
        if event["RequestType"] != "Delete":
            found = look_up(event["ResourceProperties"]["Names"], boto3.client("ec2"))
    except Exception as error:
        respond(event, physical_id, "FAILED", str(error) or type(error).__name__, {})
    else:
        respond(event, physical_id, "SUCCESS", "", found)


def look_up(names: dict[str, str], ec2: Any) -> dict[str, str]:
    """Id by attribute.

    Raises:
        UnknownPrefixListError: one of the names is no list that AWS manages here.
    """
    pages = ec2.get_paginator("describe_managed_prefix_lists").paginate(
        Filters=[{"Name": "prefix-list-name", "Values": sorted(names.values())}]
    )
    # The owner is checked: anybody may give a list of their own, or one that they share, such a name.
    ids = {
        found["PrefixListName"]: str(found["PrefixListId"])
        for page in pages
        for found in page["PrefixLists"]
        if found["OwnerId"] == "AWS"
    }
    missing = sorted(set(names.values()) - set(ids))
    if missing:
        raise UnknownPrefixListError(f"AWS manages no prefix list {', '.join(missing)} in this region")
    return {attribute: ids[name] for attribute, name in names.items()}


def respond(
    event: dict[str, Any], physical_id: str, status: str, reason: str, attributes: dict[str, str]
) -> None:
    """PUTs the outcome to the pre-signed URL that CloudFormation gave."""
    body = json.dumps(
        {
            "Status": status,
            "Reason": reason or "done",
            "PhysicalResourceId": physical_id,
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "Data": attributes,
        }
    ).encode()
    request = urllib.request.Request(  # noqa: S310  (the URL is CloudFormation's)
        event["ResponseURL"], data=body, method="PUT", headers={"content-type": ""}
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass
