"""Custom resource: JSON schemas as objects of the lake.

Properties: ``Bucket`` and ``Documents``, text by key. Create and Update write every document. Nothing is ever
removed, not on Delete either: what describes data stays as long as the data.
"""

from __future__ import annotations

import json
from typing import Any

import boto3
import cloudformation


class NoSchemaError(Exception):
    """A document is not a JSON object, and would break whoever reads it."""


def handler(event: dict[str, Any], _context: Any) -> None:
    """Answers CloudFormation at ``event["ResponseURL"]``, whatever happens."""
    properties = event["ResourceProperties"]

    def act() -> None:
        if event["RequestType"] != "Delete":
            publish(properties, boto3.client("s3"))

    cloudformation.answer(event, act, f"schemas-of-{properties['Bucket']}")


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
