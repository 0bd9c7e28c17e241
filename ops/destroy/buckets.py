"""Empties buckets that go with their stack: S3 deletes none that holds anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ops.deploy.asking import asking
from ops.deploy.formation import Formation
from ops.destroy.retained import resources
from ops.errors import OperationError
from ops.plan.assembly import Stack
from ops.plan.stateful import KEEPING

_BUCKET = "AWS::S3::Bucket"


def empty(formation: Formation, stack: Stack) -> int:
    """Deletes every version of every object in the buckets that the stack deletes; says how many."""
    going = {
        logical_id
        for logical_id, resource in stack.resources.items()
        if resource["Type"] == _BUCKET and resource.get("DeletionPolicy") not in KEEPING
    }
    if not going:
        return 0
    s3 = formation.account.client("s3", stack.region)
    names = [physical for logical_id, _, physical in resources(formation, stack) if logical_id in going]
    return sum(_empty(formation, s3, name) for name in names if name)


def _empty(formation: Formation, s3: Any, bucket: str) -> int:
    count = 0
    with asking(formation.environment.name, f"the bucket {bucket} cannot be emptied"):
        try:
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
                if keys:
                    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
                    _check(bucket, answer.get("Errors", []))
                count += len(keys)
        except s3.exceptions.NoSuchBucket:
            return count
    return count


def _check(bucket: str, errors: Sequence[Mapping[str, Any]]) -> None:
    """S3 answers 200 and names here what it kept, as by a lock of the object."""
    if errors:
        first = errors[0]
        raise OperationError(
            f"{len(errors)} versions stay in the bucket {bucket}: {first.get('Key')}: {first.get('Code')},"
            f" {first.get('Message')}"
        )
