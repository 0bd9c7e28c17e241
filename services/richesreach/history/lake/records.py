"""What is written of an hour of a dataset: a result of quality checks in the shape that `richesreach lake
check` writes, and a lineage event in that of OpenLineage (openlineage.io/spec).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from richesreach.history.lake.manifests import File, Place
from richesreach.history.lake.parquet import Quality

LINEAGE = "metadata/lineage/"
QUALITY_CHECKS = "metadata/quality_checks/"
CONTENT_TYPE = "application/json"
JOB = "history.lake"
PRODUCER = "urn:richesreach:history"
SPEC = "https://openlineage.io/spec"
_NAMESPACE = uuid.UUID("4c0f7a0e-8a55-5f0e-9d0b-6f1d1b0c7f4e")


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule that an hour breaks, and how."""

    rule: str
    reason: str


def run_of(place: Place, hour: datetime, uris: Sequence[str]) -> str:
    """The id of what made these files of this hour: the same for the same."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join((place.layout.dataset, hour.isoformat(), *sorted(uris)))))


def quality(
    place: Place, hour: datetime, files: int, found: Quality, problems: Sequence[Problem], now: datetime
) -> dict[str, Any]:
    return {
        "origin": "live",
        "checked_at": _time(now),
        "region": place.region,
        "bucket": place.store.bucket,
        "passed": not problems,
        "datasets": [
            {
                "dataset": place.layout.dataset,
                "hour": _time(hour),
                "objects": files,
                "records": found.rows,
                "symbols": found.symbols,
                "nulls": dict(found.nulls),
                "oldest_event": _moment(found.oldest),
                "newest_event": _moment(found.newest),
                "passed": not problems,
                "problems": [
                    {
                        "key": place.layout.prefix + place.folders(hour),
                        "rule": each.rule,
                        "reason": each.reason,
                    }
                    for each in problems
                ],
            }
        ],
    }


def lineage(
    place: Place,
    hour: datetime,
    run: str,
    uris: Sequence[str],
    found: Quality,
    problems: Sequence[Problem],
    now: datetime,
) -> dict[str, Any]:
    """From which offsets of the topic the hour's files are."""
    files = sorted(map(File.of, uris))
    offsets = [
        {"epoch": file.epoch, "partition": file.partition, "first": file.first, "next": file.next}
        for file in files
    ]
    return {
        "eventType": "COMPLETE" if not problems else "FAIL",
        "eventTime": _time(now),
        "run": {"runId": run},
        "job": {"namespace": f"richesreach/{place.region}", "name": JOB},
        "inputs": [
            {
                "namespace": f"kafka://richesreach/{place.region}",
                "name": place.layout.topic,
                "facets": {"offsets": {"_producer": PRODUCER, "_schemaURL": PRODUCER, "ranges": offsets}},
            }
        ],
        "outputs": [
            {
                "namespace": f"s3://{place.store.bucket}",
                "name": place.layout.prefix.rstrip("/"),
                "outputFacets": {
                    "outputStatistics": {
                        "_producer": PRODUCER,
                        "_schemaURL": f"{SPEC}/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json",
                        "rowCount": found.rows,
                        "fileCount": len(files),
                    }
                },
            }
        ],
        "producer": PRODUCER,
        "schemaURL": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _moment(nanoseconds: int | None) -> str | None:
    return None if nanoseconds is None else _time(datetime.fromtimestamp(nanoseconds // 10**9, UTC))
