"""The one source of the lake's schemas: JSON schemas, Glue columns, Iceberg schemas, quality rules."""

from stacks.datalake.schemas.catalogue import (
    DATASETS,
    LINEAGE,
    QUALITY_CHECKS,
    SCHEMA_BY_NAME,
    SCHEMAS,
    documents,
    tables_of,
)
from stacks.datalake.schemas.model import Dataset, Field, Schema

__all__ = [
    "DATASETS",
    "LINEAGE",
    "QUALITY_CHECKS",
    "SCHEMAS",
    "SCHEMA_BY_NAME",
    "Dataset",
    "Field",
    "Schema",
    "documents",
    "tables_of",
]
