"""What tests of the lake share: its places in prod, and what a policy allows."""

from __future__ import annotations

import fnmatch
from typing import Any

from tests.stacks.assembly import Assembly, Resource

HOME = "us-east-1"
REGIONS = (HOME, "eu-west-1", "ap-southeast-1")
ZONES = ("raw", "processed", "curated", "metadata")
BUCKET = f"arn:aws:s3:::richesreach-prod-lake-111111111111-{HOME}"


def lake(assembly: Assembly, region: str = HOME) -> Resource:
    name = f"richesreach-{assembly.environment}-lake-111111111111-{region}"
    return assembly.one(region, "datalake", "AWS::S3::Bucket", BucketName=name)


def allows(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    """Whether a statement allows the action on the resource, conditions aside."""
    return any(
        action in listed(statement["Action"])
        and any(
            isinstance(each, str) and fnmatch.fnmatchcase(resource, each)
            for each in listed(statement["Resource"])
        )
        for statement in statements
        if statement["Effect"] == "Allow"
    )


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
