"""S3 buckets whose whole configuration reads back: each part of the template is put through the S3 API."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import s3

from ops.local.types import api
from ops.local.types.registry import (
    Properties,
    Provisioned,
    ResourceType,
    built_in,
    call_built_in_delete,
    call_built_in_update,
)
from ops.local.types.s3_configuration import PARTS


def install() -> None:
    """A write that asks for aws:kms and names no key takes the account's `aws/s3` key, as on AWS."""
    shipped = s3._resolve_sse_write_headers
    named = "x-amz-server-side-encryption-aws-kms-key-id"

    def resolve(headers: dict[str, str], bucket: str) -> Any:
        if headers.get("x-amz-server-side-encryption") == "aws:kms" and not headers.get(named):
            headers = {**headers, named: f"arn:aws:kms:{get_region()}:{get_account_id()}:alias/aws/s3"}
        return shipped(headers, bucket)

    s3._resolve_sse_write_headers = resolve


def types() -> list[ResourceType]:
    """Every S3 type of this package."""
    return [_bucket()]


def _bucket() -> ResourceType:
    shipped = built_in("AWS::S3::Bucket")

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        name, attributes = shipped["create"](logical_id, properties, stack)
        _configure(name, {}, properties)
        return name, attributes

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        name, attributes = call_built_in_update(shipped, pid, old, new, stack, logical_id)
        _configure(name, old if name == pid else {}, new)
        return name, attributes

    def delete(physical_id: str, properties: Properties) -> None:
        call_built_in_delete(shipped, physical_id, properties)

    return ResourceType(
        "AWS::S3::Bucket",
        "real",
        "lifecycle, encryption, ownership, logging, replication, tags and more read back",
        "that objects move between storage classes, are encrypted or arrive at a replica",
        create,
        update,
        delete,
    )


def _configure(bucket: str, old: Properties, new: Properties) -> None:
    for part in PARTS:
        if old.get(part.property) == new.get(part.property):
            continue
        if new.get(part.property) is None:
            api.call("s3", part.delete, Bucket=bucket)
        else:
            given: dict[str, Any] = part.arguments(new[part.property])
            api.call("s3", part.put, Bucket=bucket, **given)
