"""Custom resource: the replication configuration of one bucket.

Properties: ``Bucket``, ``Role`` (ARN), ``Rules``: a list of ``Id``, ``Priority``, ``Prefix``, ``Destination``
(bucket ARN), ``KeyArn`` (encrypts the replica), ``StorageClass``, ``DeleteMarkers`` and ``TimeControl``
(true or false; CloudFormation sends text). Create and Update put the whole configuration, Delete removes it.
"""

from __future__ import annotations

from typing import Any

import boto3
import cloudformation

#: The only threshold that S3 takes for Replication Time Control and for the events of replicas it misses.
MINUTES = 15


class WrongPropertiesError(Exception):
    """The template gave rules that S3 could not keep apart."""


def handler(event: dict[str, Any], _context: Any) -> None:
    """Answers CloudFormation at ``event["ResponseURL"]``, whatever happens."""
    properties = event["ResourceProperties"]

    def act() -> None:
        apply(event["RequestType"], properties, boto3.client("s3"))

    cloudformation.answer(event, act, f"replication-of-{properties['Bucket']}")


def apply(request: str, properties: dict[str, Any], s3: Any) -> None:
    """Puts or removes the configuration.

    Raises:
        WrongPropertiesError: two rules share an id or a priority.
        ClientError: S3 refuses; a bucket that is gone needs no removal.
    """
    bucket = properties["Bucket"]
    if request == "Delete":
        try:
            s3.delete_bucket_replication(Bucket=bucket)
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise
        return
    rules = [rule(given) for given in properties["Rules"]]
    for name in ("ID", "Priority"):
        if len({each[name] for each in rules}) != len(rules):
            raise WrongPropertiesError(f"two rules of {bucket} have one {name}; give each its own")
    configuration = {"Role": properties["Role"], "Rules": rules}
    s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=configuration)


def rule(given: dict[str, Any]) -> dict[str, Any]:
    """One rule as the S3 API takes it. Changes of a replica's metadata do not travel back, and S3 does not
    replicate a replica again."""
    timed = _true(given["TimeControl"])
    destination: dict[str, Any] = {
        "Bucket": given["Destination"],
        "StorageClass": given["StorageClass"],
        "EncryptionConfiguration": {"ReplicaKmsKeyID": given["KeyArn"]},
        "Metrics": {"Status": "Enabled"},
    }
    if timed:
        destination["ReplicationTime"] = {"Status": "Enabled", "Time": {"Minutes": MINUTES}}
        destination["Metrics"]["EventThreshold"] = {"Minutes": MINUTES}  # refused without ReplicationTime
    return {
        "ID": given["Id"],
        "Priority": int(given["Priority"]),
        "Status": "Enabled",
        "Filter": {"Prefix": given["Prefix"]},
        "DeleteMarkerReplication": {"Status": "Enabled" if _true(given["DeleteMarkers"]) else "Disabled"},
        "SourceSelectionCriteria": {
            "SseKmsEncryptedObjects": {"Status": "Enabled"},
            "ReplicaModifications": {"Status": "Disabled"},
        },
        "Destination": destination,
    }


def _true(value: Any) -> bool:
    return str(value).lower() == "true"
