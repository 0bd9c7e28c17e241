"""How old is the newest data of each expected dataset of a region's lake? Run by a schedule.

Keys are ``<prefix>region=<writer>/dt=<YYYY-MM-DD>/<name>`` (docs/data-lake.md). What another region wrote
arrives by replication with the time of its creation, so that the newest object of any writer counts. The
number of requests is bounded: one for the writers, one for the days of each, and PAGES for the objects of the
newest of them.

The age in seconds goes into the log in CloudWatch's embedded metric format, from which CloudWatch makes the
metric LakeAgeSeconds by Dataset: no permission and no request is needed for it.
Specification: "Embedded metric format", Amazon CloudWatch user guide.

Variables: BUCKET, DATASETS ({name: {"prefix": …, "hours": …}}), NAMESPACE.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

METRIC = "LakeAgeSeconds"

#: Pages of a thousand objects that are read of a day. Beyond them the newest seen counts, so that an age is
#: never told too young, and too old by less than a day.
PAGES = 10

#: Days beyond a dataset's own limit in which its last data is still looked for.
MARGIN = timedelta(days=2)


def handler(_event: dict[str, Any], _context: Any) -> dict[str, float]:
    """Ages in seconds by dataset; of one with nothing in sight, how far back was looked."""
    now = datetime.now(UTC)
    s3 = boto3.client("s3")
    ages = {}
    for name, dataset in json.loads(os.environ["DATASETS"]).items():
        horizon = timedelta(hours=dataset["hours"]) + MARGIN
        seen = [newest(s3, prefix, now - horizon) for prefix in writers(s3, dataset["prefix"])]
        arrived = max((each for each in seen if each is not None), default=now - horizon)
        ages[name] = max(0.0, (now - arrived).total_seconds())
        print(metric(name, ages[name], now))  # noqa: T201
    return ages


def writers(s3: Any, prefix: str) -> list[str]:
    """The folders of the regions that wrote into a dataset; there are far fewer than a page holds."""
    answer = s3.list_objects_v2(Bucket=os.environ["BUCKET"], Prefix=f"{prefix}region=", Delimiter="/")
    return sorted(each["Prefix"] for each in answer.get("CommonPrefixes", []))


def newest(s3: Any, prefix: str, since: datetime) -> datetime | None:
    """When the newest object of the newest day arrived; None where no day since ``since`` holds one."""
    answer = s3.list_objects_v2(
        Bucket=os.environ["BUCKET"], Prefix=prefix, Delimiter="/", StartAfter=f"{prefix}dt={since:%Y-%m-%d}"
    )
    days = sorted(each["Prefix"] for each in answer.get("CommonPrefixes", []))
    return _arrived(s3, days[-1]) if days else None


def _arrived(s3: Any, day: str) -> datetime | None:
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=os.environ["BUCKET"], Prefix=day, PaginationConfig={"MaxItems": PAGES * 1000}
    )
    times: list[datetime] = [each["LastModified"] for page in pages for each in page.get("Contents", [])]
    return max(times, default=None)


def metric(dataset: str, age: float, now: datetime) -> str:
    """One line of the log that is a data point."""
    return json.dumps(
        {
            "_aws": {
                "Timestamp": int(now.timestamp() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": os.environ["NAMESPACE"],
                        "Dimensions": [["Dataset"]],
                        "Metrics": [{"Name": METRIC, "Unit": "Seconds"}],
                    }
                ],
            },
            "Dataset": dataset,
            METRIC: round(age, 3),
        }
    )
