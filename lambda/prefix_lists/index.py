"""Custom resource: ids of AWS-managed prefix lists in this region.

Property ``Names``: mapping of attribute → name of a managed prefix list. Answers each attribute with the
list's id. The ids differ by region and AWS publishes no table of them, so they are asked for where they are
used.
"""

from __future__ import annotations

from typing import Any

import boto3
import cloudformation


class UnknownPrefixListError(Exception):
    """AWS has no managed prefix list of that name in this region."""


def handler(event: dict[str, Any], _context: Any) -> None:
    """Answers CloudFormation at ``event["ResponseURL"]``, whatever happens."""

    def act() -> dict[str, str]:
        if event["RequestType"] == "Delete":
            return {}
        return look_up(event["ResourceProperties"]["Names"], boto3.client("ec2"))

    cloudformation.answer(event, act)


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
