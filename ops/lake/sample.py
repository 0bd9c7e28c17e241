"""Sample data for every prefix of the lake. Every record says that it is a sample (``origin: sample``)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from ops.errors import OperationError, UsageError
from ops.lake import columnar, lineage, sample_records, site
from stacks.datalake.schemas import DATASETS, QUALITY_CHECKS, Dataset

#: The same seed and day make the same records.
SEED = 20251005

#: Days of samples that a load writes, the last of them today.
DAYS = 3

JOB = "lake.sample"

_CONTENT = {"json": "application/json", "jsonl": "application/jsonlines", "txt": "text/plain"}


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
            for day in sample_records.days(now, DAYS):
                records = sample_records.records(dataset, lake.region, day, SEED)
                put = _put_parquet if dataset.format == "parquet" else _put_lines
                put(lake, dataset, day.isoformat(), records)
                objects += 1
        run = str(uuid.UUID(int=SEED << 64 | int(now.timestamp())))
        today = f"region={lake.region}/dt={now:%Y-%m-%d}"
        _put(lake, f"{QUALITY_CHECKS}{today}/sample.json", json.dumps(_quality(lake, now), indent=2))
        lineage.write(lake, lineage.event(JOB, run, now, lake, inputs=(), outputs=DATASETS), now, run)
    except (BotoCoreError, ClientError) as error:
        raise OperationError(
            f"s3://{lake.bucket} does not take the samples ({error}); is the platform up? `make up`"
        ) from None
    return objects + 2


def _put_lines(lake: site.Lake, dataset: Dataset, day: str, records: Sequence[dict[str, Any]]) -> None:
    text = "".join(json.dumps(record) + "\n" for record in records)
    _put(lake, f"{dataset.partition(lake.region, day)}sample.jsonl", text)


def _put_parquet(lake: site.Lake, dataset: Dataset, day: str, records: Sequence[dict[str, Any]]) -> None:
    """The file, and then the manifest by which tables see it."""
    key = f"{dataset.partition(lake.region, day, 0)}sample.parquet"
    lake.s3.put_object(
        Bucket=lake.bucket,
        Key=key,
        Body=columnar.to_parquet(dataset.schema, records),
        ContentType="application/vnd.apache.parquet",
        Metadata={"origin": "sample"},
    )
    manifest = f"{dataset.manifest_partition(lake.region, day, 0)}sample.txt"
    _put(lake, manifest, f"s3://{lake.bucket}/{key}\n")


def _put(lake: site.Lake, key: str, text: str) -> None:
    lake.s3.put_object(
        Bucket=lake.bucket,
        Key=key,
        Body=text.encode(),
        ContentType=_CONTENT[key.rsplit(".", 1)[1]],
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
