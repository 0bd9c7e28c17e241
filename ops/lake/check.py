"""Checks the lakes: are the datasets there, fresh, of their schema and of good quality?"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.errors import OperationError
from ops.lake import columnar, lineage, objects
from ops.lake.rules import Examination, Problem
from ops.lake.site import Lake
from stacks.datalake.schemas import DATASETS, QUALITY_CHECKS, SCHEMAS, Dataset, documents

JOB = "lake.check"

RULES = ("schema", "range", "null", "duplicate", "freshness")


@dataclass(frozen=True)
class Outcome:
    """What was found in one dataset of one region. ``newest`` is when its newest object arrived."""

    region: str
    dataset: str
    objects: int
    records: int
    newest: datetime | None
    problems: tuple[Problem, ...]

    @property
    def passed(self) -> bool:
        return not self.problems

    @property
    def document(self) -> dict[str, Any]:
        """As it is written and printed as JSON."""
        return {
            "dataset": self.dataset,
            "objects": self.objects,
            "records": self.records,
            "newest": None if self.newest is None else f"{self.newest:%Y-%m-%dT%H:%M:%SZ}",
            "passed": self.passed,
            "problems": [
                {"key": each.key, "rule": each.rule, "reason": each.reason} for each in self.problems
            ],
        }


def check(lake: Lake, zone: str | None, limit: int, now: datetime) -> list[Outcome]:
    """Checks one lake, or one zone of it, and writes the result and its lineage into the lake.

    Raises:
        OperationError: the lake cannot be read or written.
    """
    datasets = [dataset for dataset in DATASETS if zone in (None, dataset.zone)]
    try:
        outcomes = [_published(lake)] if zone in (None, "metadata") else []
        outcomes += [_dataset(lake, dataset, limit, now) for dataset in datasets]
        _record(lake, datasets, outcomes, now)
    except (BotoCoreError, ClientError) as error:
        raise OperationError(
            f"the lake s3://{lake.bucket} does not answer as it should ({error});"
            " is it deployed, and may you read it?"
        ) from None
    return outcomes


def _published(lake: Lake) -> Outcome:
    """The published schemas against those of this checkout."""
    problems = []
    for key, text in documents().items():
        found = objects.document(lake, key)
        if found is None:
            problems.append(Problem("schemas", key, "schema", "is missing; deploy the stack lake-catalogue"))
        elif found != text:
            reason = "differs from stacks/datalake/schemas; deploy the stack lake-catalogue"
            problems.append(Problem("schemas", key, "schema", reason))
    return Outcome(lake.region, "schemas", len(documents()), 0, None, tuple(problems))


def _dataset(lake: Lake, dataset: Dataset, limit: int, now: datetime) -> Outcome:
    key = f"{SCHEMAS}{dataset.schema.name}.json"
    published = objects.document(lake, key)
    if published is None:
        missing = Problem(dataset.name, key, "schema", "is missing; deploy the stack lake-catalogue")
        return Outcome(lake.region, dataset.name, 0, 0, None, (missing,))
    examination = Examination(dataset.name, json.loads(published))
    found = objects.newest(lake, dataset, limit)
    examination.fresh(dataset.prefix, found[0] if found else None, now, dataset.fresh_hours)
    for each in sorted(found, key=lambda each: each.key):
        try:
            examination.examine(each.key, _lines(lake, dataset, each.key))
        except columnar.ColumnarError as error:
            examination.unreadable(each.key, str(error))
        except (UnicodeDecodeError, EOFError, OSError) as error:
            examination.unreadable(each.key, f"is neither UTF-8 text nor gzip of it: {error}")
    return Outcome(
        lake.region,
        dataset.name,
        len(found),
        examination.records,
        found[0].arrived if found else None,
        tuple(examination.problems),
    )


def _lines(lake: Lake, dataset: Dataset, key: str) -> str:
    """The records of an object as JSON Lines."""
    if dataset.format == "parquet":
        return columnar.to_json_lines(dataset.schema, objects.body(lake, key))
    return objects.text(lake, key)


def result(lake: Lake, outcomes: Sequence[Outcome], now: datetime) -> dict[str, Any]:
    """The document under ``metadata/quality_checks/``."""
    return {
        "origin": "live",
        "checked_at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "region": lake.region,
        "bucket": lake.bucket,
        "passed": all(outcome.passed for outcome in outcomes),
        "datasets": [outcome.document for outcome in outcomes],
    }


def _record(lake: Lake, datasets: Sequence[Dataset], outcomes: Sequence[Outcome], now: datetime) -> None:
    run = str(uuid.uuid4())
    document = result(lake, outcomes, now)
    lake.s3.put_object(
        Bucket=lake.bucket,
        Key=f"{QUALITY_CHECKS}region={lake.region}/dt={now:%Y-%m-%d}/{run}.json",
        Body=json.dumps(document).encode(),
        ContentType="application/json",
    )
    assertions = {
        outcome.dataset: [
            {"assertion": rule, "success": not any(each.rule == rule for each in outcome.problems)}
            for rule in RULES
        ]
        for outcome in outcomes
    }
    event = lineage.event(
        JOB, run, now, lake, inputs=datasets, outputs=(), passed=document["passed"], assertions=assertions
    )
    lineage.write(lake, event, now, run)
