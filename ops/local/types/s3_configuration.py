"""The parts of AWS::S3::Bucket and the S3 operation that each becomes.

The template's names differ from the API's here more than elsewhere, so each part has its own translation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ops.local.types.shapes import arguments


@dataclass(frozen=True)
class Part:
    """A property of the bucket, the operations that set and drop it, and its translation."""

    property: str
    put: str
    delete: str
    arguments: Callable[[Any], dict[str, Any]]


def lifecycle(value: dict[str, Any]) -> dict[str, Any]:
    """LifecycleConfiguration of a template as the API's."""
    rules = [_lifecycle_rule(rule) for rule in value["Rules"]]
    return _fitted("PutBucketLifecycleConfiguration", {"LifecycleConfiguration": {"Rules": rules}})


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    made = {"ID": rule.get("Id", ""), "Status": rule["Status"], "Filter": _lifecycle_filter(rule)}
    transitions = rule.get("Transitions") or ([rule["Transition"]] if rule.get("Transition") else [])
    if transitions:
        made["Transitions"] = [_transition(each) for each in transitions]
    noncurrent = rule.get("NoncurrentVersionTransitions") or (
        [rule["NoncurrentVersionTransition"]] if rule.get("NoncurrentVersionTransition") else []
    )
    if noncurrent:
        made["NoncurrentVersionTransitions"] = [
            {
                "NoncurrentDays": each["TransitionInDays"],
                "StorageClass": each["StorageClass"],
                **_picked(each, "NewerNoncurrentVersions"),
            }
            for each in noncurrent
        ]
    made.update(_expirations(rule))
    return made


def _expirations(rule: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    expiration = {
        api_name: rule[name]
        for name, api_name in (
            ("ExpirationInDays", "Days"),
            ("ExpirationDate", "Date"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if rule.get(name) is not None
    }
    if expiration:
        made["Expiration"] = expiration
    if rule.get("NoncurrentVersionExpiration"):
        made["NoncurrentVersionExpiration"] = rule["NoncurrentVersionExpiration"]
    elif rule.get("NoncurrentVersionExpirationInDays") is not None:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    if rule.get("AbortIncompleteMultipartUpload"):
        made["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    return made


def _lifecycle_filter(rule: dict[str, Any]) -> dict[str, Any]:
    conditions: dict[str, Any] = {
        **_picked(rule, "Prefix"),
        **({"Tags": rule["TagFilters"]} if rule.get("TagFilters") else {}),
        **_picked(rule, "ObjectSizeGreaterThan", "ObjectSizeLessThan"),
    }
    if len(conditions) > 1 or len(conditions.get("Tags", [])) > 1:
        return {"And": conditions}
    if "Tags" in conditions:
        return {"Tag": conditions["Tags"][0]}
    return conditions or {"Prefix": ""}


def _transition(each: dict[str, Any]) -> dict[str, Any]:
    return {
        "StorageClass": each["StorageClass"],
        **({"Days": each["TransitionInDays"]} if each.get("TransitionInDays") is not None else {}),
        **({"Date": each["TransitionDate"]} if each.get("TransitionDate") is not None else {}),
    }


def encryption(value: dict[str, Any]) -> dict[str, Any]:
    """BucketEncryption of a template as the API's."""
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault"),
            **_picked(rule, "BucketKeyEnabled"),
        }
        for rule in value["ServerSideEncryptionConfiguration"]
    ]
    return _fitted("PutBucketEncryption", {"ServerSideEncryptionConfiguration": {"Rules": rules}})


def replication(value: dict[str, Any]) -> dict[str, Any]:
    """ReplicationConfiguration of a template as the API's."""
    rules = [{**rule, "ID": rule.get("Id", "")} for rule in value["Rules"]]
    for rule in rules:
        if isinstance(rule.get("Filter"), dict) and "TagFilter" in rule["Filter"]:
            rule["Filter"] = {"Tag": rule["Filter"]["TagFilter"]}
    given = {"ReplicationConfiguration": {"Role": value["Role"], "Rules": rules}}
    return _fitted("PutBucketReplication", given)


def cors(value: dict[str, Any]) -> dict[str, Any]:
    """CorsConfiguration of a template as the API's."""
    rules = [
        {
            **rule,
            "ExposeHeaders": rule.get("ExposedHeaders"),
            "MaxAgeSeconds": rule.get("MaxAge"),
            "ID": rule.get("Id"),
        }
        for rule in value["CorsRules"]
    ]
    return _fitted("PutBucketCors", {"CORSConfiguration": {"CORSRules": rules}})


def logging(value: dict[str, Any]) -> dict[str, Any]:
    """LoggingConfiguration of a template as the API's; without a destination there is none."""
    if not value.get("DestinationBucketName"):
        return {"BucketLoggingStatus": {}}
    enabled = {
        "TargetBucket": value["DestinationBucketName"],
        "TargetPrefix": value.get("LogFilePrefix", ""),
        **_picked(value, "TargetObjectKeyFormat"),
    }
    return _fitted("PutBucketLogging", {"BucketLoggingStatus": {"LoggingEnabled": enabled}})


def _picked(source: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: source[name] for name in names if source.get(name) is not None}


def _fitted(operation: str, given: dict[str, Any]) -> dict[str, Any]:
    return arguments("s3", operation, given)


def _under(operation: str, name: str) -> Callable[[Any], dict[str, Any]]:
    """For a part whose members have the API's own names."""
    return lambda value: _fitted(operation, {name: value})


PARTS = (
    Part(
        "VersioningConfiguration",
        "PutBucketVersioning",
        "GetBucketVersioning",  # versioning cannot be taken off a bucket again
        _under("PutBucketVersioning", "VersioningConfiguration"),
    ),
    Part("LifecycleConfiguration", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle", lifecycle),
    Part("BucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption", encryption),
    Part(
        "PublicAccessBlockConfiguration",
        "PutPublicAccessBlock",
        "DeletePublicAccessBlock",
        _under("PutPublicAccessBlock", "PublicAccessBlockConfiguration"),
    ),
    Part(
        "OwnershipControls",
        "PutBucketOwnershipControls",
        "DeleteBucketOwnershipControls",
        _under("PutBucketOwnershipControls", "OwnershipControls"),
    ),
    Part("CorsConfiguration", "PutBucketCors", "DeleteBucketCors", cors),
    Part("LoggingConfiguration", "PutBucketLogging", "GetBucketLogging", logging),
    Part("ReplicationConfiguration", "PutBucketReplication", "DeleteBucketReplication", replication),
    Part(
        "Tags",
        "PutBucketTagging",
        "DeleteBucketTagging",
        lambda tags: _fitted("PutBucketTagging", {"Tagging": {"TagSet": tags}}),
    ),
    Part(
        "ObjectLockConfiguration",
        "PutObjectLockConfiguration",
        "GetBucketVersioning",  # object lock cannot be taken off a bucket again
        _under("PutObjectLockConfiguration", "ObjectLockConfiguration"),
    ),
)
