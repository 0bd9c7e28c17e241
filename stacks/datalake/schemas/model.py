"""A dataset of the lake, declared once: its JSON schema, its Glue columns and its quality rules.

Whatever reads or writes the lake takes them from here, or from ``metadata/schemas/`` where a deployment
publishes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["string", "double", "long", "boolean", "timestamp", "date", "decimal"]
Zone = Literal["raw", "processed", "curated", "metadata"]
Format = Literal["json", "parquet"]

DIALECT = "http://json-schema.org/draft-07/schema#"

_JSON: dict[str, dict[str, Any]] = {
    "string": {"type": "string", "minLength": 1},
    "double": {"type": "number"},
    "long": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "timestamp": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$"},
    "date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
    # Money keeps its cents: a decimal string, as in events (never a binary fraction).
    "decimal": {"type": "string", "pattern": r"^-?\d{1,20}(\.\d{1,8})?$"},
}

#: Types of the JSON tables. Times stay strings there: the JSON SerDe reads only Hive's own format.
_GLUE = {
    "string": "string",
    "double": "double",
    "long": "bigint",
    "boolean": "boolean",
    "timestamp": "string",
    "date": "date",
    "decimal": "decimal(28,8)",
}

#: Parquet knows its own times.
_PARQUET = {**_GLUE, "timestamp": "timestamp"}

_ICEBERG = {**_GLUE, "long": "long", "timestamp": "timestamptz"}


@dataclass(frozen=True)
class Field:
    """One column. ``minimum`` and ``maximum`` are quality rules, inclusive, not part of the structure:
    a value outside is reported, and the record is still readable."""

    name: str
    kind: Kind
    description: str
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()

    @property
    def json(self) -> dict[str, Any]:
        made: dict[str, Any] = {**_JSON[self.kind], "description": self.description}
        if self.values:
            made = {"enum": list(self.values), "description": self.description}
        if self.nullable:
            if "enum" in made:
                made["enum"] = [*made["enum"], None]
            else:
                made["type"] = [made["type"], "null"]
        return made

    @property
    def glue_type(self) -> str:
        return _GLUE[self.kind]

    @property
    def parquet_type(self) -> str:
        """Of the Glue tables over Parquet, and so of the files' columns."""
        return _PARQUET[self.kind]

    @property
    def iceberg_type(self) -> str:
        return _ICEBERG[self.kind]


@dataclass(frozen=True)
class Schema:
    """Records of one shape. ``key`` names the columns that are unique together; ``max_null_share`` is the
    share of a nullable column that may be null in one object."""

    name: str
    title: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    max_null_share: float = 0.5
    version: int = 1

    def field(self, name: str) -> Field:
        """The column of that name; KeyError when there is none."""
        return {field.name: field for field in self.fields}[name]

    @property
    def document(self) -> dict[str, Any]:
        """The JSON schema, with the quality rules under ``x-quality``."""
        ranges = {
            field.name: {
                **({} if field.minimum is None else {"minimum": field.minimum}),
                **({} if field.maximum is None else {"maximum": field.maximum}),
            }
            for field in self.fields
            if field.minimum is not None or field.maximum is not None
        }
        return {
            "$schema": DIALECT,
            "$id": f"urn:richesreach:lake:{self.name}:{self.version}",
            "title": self.title,
            "type": "object",
            "properties": {field.name: field.json for field in self.fields},
            "required": [field.name for field in self.fields],
            "additionalProperties": False,
            "x-quality": {
                "unique": list(self.key),
                "ranges": ranges,
                "nullable": [field.name for field in self.fields if field.nullable],
                "max-null-share": self.max_null_share,
            },
        }


@dataclass(frozen=True)
class Dataset:
    """A prefix of the lake. Objects are JSON Lines under
    ``<prefix>region=<writing region>/dt=<day>/``: regions replicate into each other's lakes, so a key
    without its region would be overwritten. ``fresh_hours`` is the age that its newest object may have;
    ``table`` the table that reads it, shared by datasets of one parent prefix and schema.

    Parquet is partitioned by the hour, too, and listed: objects below ``manifests`` name, a line each, the
    files that count. What no manifest names is unfinished, or was replaced by a larger file."""

    name: str
    prefix: str
    schema: Schema
    fresh_hours: int
    table: str
    format: Format = "json"

    def __post_init__(self) -> None:
        if not self.prefix.endswith("/") or self.zone not in ("raw", "processed", "curated", "metadata"):
            raise ValueError(f"{self.name}: {self.prefix!r} is no folder of a zone")

    @property
    def zone(self) -> str:
        return self.prefix.split("/", 1)[0]

    @property
    def manifests(self) -> str:
        """Prefix of the manifests of a Parquet dataset, partitioned as its files are."""
        return f"{self.prefix}manifests/"

    def partition(self, region: str, day: str = "", hour: int | None = None) -> str:
        """Prefix of what one region wrote, on one day where ``day`` (YYYY-MM-DD) is given, in one hour."""
        return self.prefix + _folders(region, day, hour)

    def manifest_partition(self, region: str, day: str = "", hour: int | None = None) -> str:
        """As ``partition``, of the manifests."""
        return self.manifests + _folders(region, day, hour)


def _folders(region: str, day: str, hour: int | None) -> str:
    folders = f"region={region}/" + (f"dt={day}/" if day else "")
    return folders if hour is None else f"{folders}hour={hour:02d}/"
