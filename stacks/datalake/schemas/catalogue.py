"""Every dataset of the lake by its prefix, and every schema that a deployment publishes."""

from __future__ import annotations

import json

from stacks.datalake.schemas import curated, features, market
from stacks.datalake.schemas.model import Dataset, Schema

#: Where a deployment publishes the schemas, and where a check writes what it found.
SCHEMAS = "metadata/schemas/"
LINEAGE = "metadata/lineage/"
QUALITY_CHECKS = "metadata/quality_checks/"

_MARKET = "raw/market_data/"
_FEATURES = "processed/features/"
_MODELS = "processed/ml_models/"

DATASETS: tuple[Dataset, ...] = (
    *(
        Dataset(f"market_data_{source}", f"{_MARKET}{source}/", market.MARKET_DATA, 24, "market_data")
        for source in ("polygon", "finnhub", "coingecko")
    ),
    Dataset("market_ticks", f"{_MARKET}ticks/", market.MARKET_TICKS, 24, "market_ticks", "parquet"),
    Dataset("news", "raw/news/", market.NEWS, 24, "news"),
    Dataset("sentiment", "raw/sentiment/", market.SENTIMENT, 24, "sentiment"),
    Dataset("bars", "processed/bars/", market.BARS, 24, "bars", "parquet"),
    Dataset(
        "technical_indicators",
        f"{_FEATURES}technical_indicators/",
        features.TECHNICAL_INDICATORS,
        24,
        "technical_indicators",
        "parquet",
    ),
    *(
        Dataset(schema.name, f"{_FEATURES}{schema.name}/", schema, hours, schema.name)
        for schema, hours in (
            (features.FUNDAMENTAL_DATA, 24 * 7),
            (features.SENTIMENT_SCORES, 24),
        )
    ),
    *(
        Dataset(schema.name, f"{_MODELS}{schema.name}/", schema, hours, schema.name)
        for schema, hours in (
            (features.TRAINING_DATA, 24 * 7),
            (features.MODEL_ARTIFACTS, 24 * 31),
            (features.PREDICTIONS, 24),
        )
    ),
    *(Dataset(schema.name, f"curated/{schema.name}/", schema, 48, schema.name) for schema in curated.CURATED),
)

SCHEMA_BY_NAME: dict[str, Schema] = {dataset.schema.name: dataset.schema for dataset in DATASETS}


def tables_of(zone: str) -> dict[str, list[Dataset]]:
    """Tables of a zone by name, with the datasets that each reads."""
    found: dict[str, list[Dataset]] = {}
    for dataset in DATASETS:
        if dataset.zone == zone:
            found.setdefault(dataset.table, []).append(dataset)
    return found


def documents() -> dict[str, str]:
    """Every JSON schema as text, by its key in the lake."""
    return {
        f"{SCHEMAS}{name}.json": json.dumps(schema.document, indent=2, sort_keys=True) + "\n"
        for name, schema in sorted(SCHEMA_BY_NAME.items())
    }
