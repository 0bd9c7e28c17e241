"""Sample data for every prefix of the lake. Every record says that it is a sample (``origin: sample``)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from ops.errors import OperationError, UsageError
from ops.lake import lineage, sample_records, site
from stacks.datalake.schemas import DATASETS, QUALITY_CHECKS, Dataset

#: The same seed and day make the same records.
SEED = 20251005

#: Days of samples that a load writes, the last of them today.
DAYS = 3

JOB = "lake.sample"


def load(console: Console, environment: str, region: str | None = None) -> None:
    """Writes the samples into each lake and says how many.

    Raises:
        UsageError: the environment is protected; samples have no place beside real data.
        OperationError: a lake does not take them.
    """
    configuration, lakes = site.lakes(environment, region)
    if configuration.protect:
        raise UsageError(f"{environment} is protected: sample data is for environments without real data")
    for lake in lakes:
        count = write(lake, datetime.now(UTC))
        console.print(f"{lake.region}: {count} sample objects in s3://{lake.bucket}")


def write(lake: site.Lake, now: datetime) -> int:
    """Writes one object a dataset and day, and the lineage of doing so; gives the number of objects.

    Raises:
        OperationError: the bucket does not exist or refuses.
    """
    objects = 0
    try:
        for dataset in DATASETS:
            for key, records in _objects(dataset, lake.region, now):
                _put(lake, key, "".join(json.dumps(record) + "\n" for record in records))
                objects += 1
        run = str(uuid.UUID(int=SEED << 64 | int(now.timestamp())))
        day = f"region={lake.region}/dt={now:%Y-%m-%d}"
        _put(lake, f"{QUALITY_CHECKS}{day}/sample.json", json.dumps(_quality(lake, now), indent=2))
        lineage.write(lake, lineage.event(JOB, run, now, lake, inputs=(), outputs=DATASETS), now, run)
    except (BotoCoreError, ClientError) as error:
        raise OperationError(
            f"s3://{lake.bucket} does not take the samples ({error}); is the platform up? `make up`"
        ) from None
    return objects + 2


def _objects(dataset: Dataset, region: str, now: datetime) -> Iterator[tuple[str, Sequence[dict[str, Any]]]]:
    for day in sample_records.days(now, DAYS):
        records = sample_records.records(dataset, region, day, SEED)
        yield f"{dataset.partition(region, day.isoformat())}sample.jsonl", records


def _put(lake: site.Lake, key: str, text: str) -> None:
    lake.s3.put_object(
        Bucket=lake.bucket,
        Key=key,
        Body=text.encode(),
        ContentType="application/json" if key.endswith(".json") else "application/jsonlines",
        Metadata={"origin": "sample"},
    )


def _quality(lake: site.Lake, now: datetime) -> dict[str, Any]:
    """What a result of `lake check` looks like, with nothing checked."""
    return {
        "origin": "sample",
        "checked_at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "region": lake.region,
        "bucket": lake.bucket,
        "passed": True,
        "datasets": [],
    }
