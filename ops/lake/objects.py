"""Reads a dataset's newest objects from a lake."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.lake.site import Lake
from stacks.datalake.schemas import Dataset


@dataclass(frozen=True)
class LakeObject:
    """An object of a dataset: its key, when it arrived and its size in bytes."""

    key: str
    arrived: datetime
    size: int


def newest(lake: Lake, dataset: Dataset, limit: int) -> list[LakeObject]:
    """At most ``limit`` objects that the lake's own region wrote, of the newest days, newest first.

    Only the days' folders are listed first: a raw prefix holds more keys than anybody wants to list.
    """
    found: list[LakeObject] = []
    for day in _days(lake, dataset):
        found += _listed(lake, dataset, day) if dataset.format == "parquet" else _objects(lake, day)
        if len(found) >= limit:
            break
    found.sort(key=lambda each: each.arrived, reverse=True)
    return found[:limit]


def body(lake: Lake, key: str) -> bytes:
    """The object as it is."""
    found: bytes = lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read()
    return found


def text(lake: Lake, key: str) -> str:
    """The object as text; ``.gz`` is unpacked.

    Raises:
        UnicodeDecodeError, gzip.BadGzipFile: the object is not what its name says.
    """
    found = body(lake, key)
    return (gzip.decompress(found) if key.endswith(".gz") else found).decode()


def _days(lake: Lake, dataset: Dataset) -> list[str]:
    pages = lake.s3.get_paginator("list_objects_v2").paginate(
        Bucket=lake.bucket, Prefix=dataset.partition(lake.region), Delimiter="/"
    )
    folders = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]
    return sorted((folder for folder in folders if "/dt=" in folder), reverse=True)


def _objects(lake: Lake, prefix: str) -> Iterator[LakeObject]:
    pages = lake.s3.get_paginator("list_objects_v2").paginate(Bucket=lake.bucket, Prefix=prefix)
    for page in pages:
        for each in page.get("Contents", []):
            yield LakeObject(each["Key"], each["LastModified"], each["Size"])


def _listed(lake: Lake, dataset: Dataset, day: str) -> Iterator[LakeObject]:
    """The files of a day that a manifest names: the others are unfinished, or have been replaced."""
    manifests = dataset.manifests + day.removeprefix(dataset.prefix)
    named = {line.strip() for each in _objects(lake, manifests) for line in text(lake, each.key).splitlines()}
    for each in _objects(lake, day):
        if f"s3://{lake.bucket}/{each.key}" in named:
            yield each


def document(lake: Lake, key: str) -> Any:
    """The text of a small object, or None where there is none. Other errors of boto3 pass through."""
    try:
        return text(lake, key)
    except lake.s3.exceptions.NoSuchKey:
        return None
