"""The region's lake as objects: puts that succeed only on what the writer knows, and listings by day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# Seconds. A write is tried again by who asked for it, not here: a try that arrived after all must be seen.
CONNECT_TIMEOUT, READ_TIMEOUT = 3, 20
_CHANGED = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404", "412", "409")


class LakeUnavailableError(OSError):
    """S3 did not do what was asked, and may do it later."""


class ChangedError(Exception):
    """The object is not what the writer last saw: somebody else wrote it, or an earlier try arrived."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object with what identifies its content."""

    body: bytes
    etag: str


class LakeStore:
    """One bucket. All calls block; all raise LakeUnavailableError."""

    def __init__(self, bucket: str, client: Any) -> None:
        self.bucket = bucket
        self._s3 = client

    @classmethod
    def of_region(cls, bucket: str, region: str) -> "LakeStore":
        """With the task's own credentials and endpoint."""
        settings = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "standard", "total_max_attempts": 2},
        )
        return cls(bucket, boto3.client("s3", region_name=region, config=settings))

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def key(self, uri: str) -> str:
        """Raises ValueError for the URI of another bucket."""
        start = f"s3://{self.bucket}/"
        if not uri.startswith(start):
            raise ValueError(f"{uri} is not in the bucket {self.bucket}")
        return uri.removeprefix(start)

    def put(self, key: str, body: bytes, content: str) -> None:
        try:
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content)
        except (ClientError, BotoCoreError) as error:
            raise LakeUnavailableError(f"{key} was not written: {error}") from error

    def replace(self, key: str, body: bytes, content: str, etag: str | None) -> str:
        """Write over what has `etag`, or where there is nothing for None; gives the new etag.

        Raises ChangedError.
        """
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            answer = self._s3.put_object(
                Bucket=self.bucket, Key=key, Body=body, ContentType=content, **condition
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _CHANGED:
                raise ChangedError(f"{key} is not what it was") from error
            raise LakeUnavailableError(f"{key} was not written: {error}") from error
        except BotoCoreError as error:
            raise LakeUnavailableError(f"{key} was not written: {error}") from error
        return str(answer["ETag"])

    def get(self, key: str) -> Found | None:
        """None where there is nothing."""
        try:
            answer = self._s3.get_object(Bucket=self.bucket, Key=key)
            return Found(answer["Body"].read(), answer["ETag"])
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
                return None
            raise LakeUnavailableError(f"{key} was not read: {error}") from error
        except (BotoCoreError, OSError) as error:
            raise LakeUnavailableError(f"{key} was not read: {error}") from error

    def keys(self, prefix: str, *, until: datetime | None = None) -> list[str]:
        """All below `prefix`, in order; of those that were put by `until`, if it is given."""
        found = (each for page in self._pages(prefix) for each in page.get("Contents", []))
        return [each["Key"] for each in found if until is None or each["LastModified"] <= until]

    def folders(self, prefix: str, *, after: str = "") -> list[str]:
        """What is directly below `prefix` and ends with a slash, in order, from `after` on."""
        pages = self._pages(prefix, Delimiter="/", **({"StartAfter": after} if after else {}))
        return [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]

    def mark(self, key: str, tag: str) -> None:
        """Tag an object with `tag` = true; one that is gone is left so."""
        tags = {"TagSet": [{"Key": tag, "Value": "true"}]}
        try:
            self._s3.put_object_tagging(Bucket=self.bucket, Key=key, Tagging=tags)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in ("NoSuchKey", "404"):
                raise LakeUnavailableError(f"{key} was not tagged: {error}") from error
        except BotoCoreError as error:
            raise LakeUnavailableError(f"{key} was not tagged: {error}") from error

    def _pages(self, prefix: str, **options: str) -> Iterator[dict[str, Any]]:
        listed = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, **options
        )
        try:
            yield from listed
        except (ClientError, BotoCoreError) as error:
            raise LakeUnavailableError(f"{prefix} was not listed: {error}") from error
