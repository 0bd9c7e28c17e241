"""Lineage records of what reads and writes the lake, in the shape of OpenLineage (openlineage.io/spec)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ops.lake.site import Lake
from stacks.datalake.schemas import LINEAGE, Dataset

PRODUCER = "urn:richesreach:ops:lake"
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"


def event(
    job: str,
    run: str,
    now: datetime,
    lake: Lake,
    *,
    inputs: Sequence[Dataset],
    outputs: Sequence[Dataset],
    passed: bool = True,
    assertions: Mapping[str, Sequence[dict[str, Any]]] | None = None,
) -> dict[str, Any]:
    """A run event. ``assertions`` holds the outcome of quality rules by the name of an input."""
    return {
        "eventType": "COMPLETE" if passed else "FAIL",
        "eventTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "run": {"runId": run},
        "job": {"namespace": f"richesreach/{lake.region}", "name": job},
        "inputs": [_dataset(lake, each, (assertions or {}).get(each.name)) for each in inputs],
        "outputs": [_dataset(lake, each, None) for each in outputs],
        "producer": PRODUCER,
        "schemaURL": _EVENT,
    }


def _dataset(lake: Lake, dataset: Dataset, assertions: Sequence[dict[str, Any]] | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "namespace": f"s3://{lake.bucket}",
        "name": dataset.prefix.rstrip("/"),
        "facets": {
            "schema": {
                "_producer": PRODUCER,
                "_schemaURL": f"{_SPEC}/facets/1-1-1/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet",
                "fields": [
                    {"name": field.name, "type": field.glue_type, "description": field.description}
                    for field in dataset.schema.fields
                ],
            }
        },
    }
    if assertions is not None:
        made["inputFacets"] = {
            "dataQualityAssertions": {
                "_producer": PRODUCER,
                "_schemaURL": f"{_SPEC}/facets/1-0-1/DataQualityAssertionsDatasetFacet.json"
                "#/$defs/DataQualityAssertionsDatasetFacet",
                "assertions": list(assertions),
            }
        }
    return made


def write(lake: Lake, record: dict[str, Any], now: datetime, run: str) -> str:
    """Writes the record under ``metadata/lineage/`` and gives its key. boto3's errors pass through."""
    key = f"{LINEAGE}region={lake.region}/dt={now:%Y-%m-%d}/{run}.json"
    lake.s3.put_object(
        Bucket=lake.bucket, Key=key, Body=json.dumps(record).encode(), ContentType="application/json"
    )
    return key
