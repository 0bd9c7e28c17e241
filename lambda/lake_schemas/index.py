"""Custom resource: JSON schemas as objects of the lake.

Properties: ``Bucket`` and ``Documents``, text by key. Create and Update write every document. Nothing is ever
removed, not on Delete either: what describes data stays as long as the data.
Protocol: "Custom resource request and response", AWS CloudFormation user guide.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import boto3


class NoSchemaError(Exception):
    """A document is not a JSON object, and would break whoever reads it."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Answers CloudFormation at ``event["ResponseURL"]``, whatever happens."""
    properties = event["ResourceProperties"]
    physical_id = f"schemas-of-{properties['Bucket']}"
    try:
        if event["RequestType"] != "Delete":
            publish(properties, boto3.client("s3"))
    except Exception as error:
        respond(event, physical_id, "FAILED", str(error) or type(error).__name__)
    else:
        respond(event, physical_id, "SUCCESS", "")


def publish(properties: dict[str, Any], s3: Any) -> None:
    """Writes the documents, all checked before the first is written.

    Raises:
        NoSchemaError: a document is no JSON object; the message names its key.
    """
    bucket, documents = properties["Bucket"], properties["Documents"]
    for key, text in documents.items():
        check(key, text)
    for key, text in documents.items():
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType="application/schema+json")


def check(key: str, text: str) -> None:
    """Raises NoSchemaError unless ``text`` is a JSON object."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise NoSchemaError(f"{key} is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise NoSchemaError(f"{key} is no JSON object")


def respond(event: dict[str, Any], physical_id: str, status: str, reason: str) -> None:
    """PUTs the outcome to the pre-signed URL that CloudFormation gave."""
    body = json.dumps(
        {
            "Status": status,
            "Reason": reason or "done",
            "PhysicalResourceId": physical_id,
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
        }
    ).encode()
    request = urllib.request.Request(  # noqa: S310  (the URL is CloudFormation's)
        event["ResponseURL"], data=body, method="PUT", headers={"content-type": ""}
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass
