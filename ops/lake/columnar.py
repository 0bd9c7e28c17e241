"""Parquet of a dataset's schema: records into a file, and a file into JSON Lines, which the rules examine."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stacks.datalake.schemas.model import Field, Schema

#: Of a Glue type, the name in the file's own engine.
_TYPES = {"string": "varchar", "timestamp": "timestamptz"}

#: As records of JSON have them.
_TEXTS = {
    "timestamp": "strftime({0} at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')",
    "decimal": "{0}::varchar",
    "date": "{0}::varchar",
}


class ColumnarError(Exception):
    """A file that is no Parquet, or has other columns than its schema."""


def to_parquet(schema: Schema, records: Sequence[dict[str, Any]]) -> bytes:
    """The records as one file, with the columns and types of the table over it."""
    columns = ", ".join(f"{_name(each)}::{_type(each)} as {_name(each)}" for each in schema.fields)
    with tempfile.TemporaryDirectory() as folder:
        lines, made = Path(folder, "records.jsonl"), Path(folder, "made.parquet")
        lines.write_text("".join(json.dumps(record) + "\n" for record in records))
        types = {each.name: "varchar" if each.kind != "long" else "bigint" for each in schema.fields}
        with _engine() as engine:
            engine.execute("set timezone = 'UTC'")
            engine.read_json(str(lines), columns=types, format="newline_delimited").query(
                "records",
                f"copy (select {columns} from records) to '{made}' (format parquet, compression zstd)",  # noqa: S608
            )
        return made.read_bytes()


def to_json_lines(schema: Schema, body: bytes) -> str:
    """The file's records as the schema document describes them.

    Raises:
        ColumnarError: it is no Parquet, or a column is missing, too many, or of another type.
    """
    import duckdb  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        given, lines = Path(folder, "given.parquet"), Path(folder, "records.jsonl")
        given.write_bytes(body)
        with _engine() as engine:
            try:
                found = engine.read_parquet(str(given), hive_partitioning=False)
                _compare(schema, dict(zip(found.columns, map(str, found.types), strict=True)))
                columns = ", ".join(_text(each) for each in schema.fields)
                found.query("found", f"copy (select {columns} from found) to '{lines}' (format json)")  # noqa: S608
            except duckdb.Error as error:
                raise ColumnarError(str(error).splitlines()[0]) from None
        return lines.read_text()


def _engine() -> Any:
    import duckdb  # noqa: PLC0415

    return duckdb.connect(":memory:", config={"threads": 1, "autoinstall_known_extensions": False})


def _compare(schema: Schema, found: dict[str, str]) -> None:
    expected = {each.name: _CANONICAL[each.kind] for each in schema.fields}
    for name, kind in expected.items():
        if name not in found:
            raise ColumnarError(f"column {name} is missing")
        if found[name] != kind:
            raise ColumnarError(f"column {name} is {found[name]}, must be {kind}")
    if unknown := sorted(found.keys() - expected.keys()):
        raise ColumnarError(f"column {unknown[0]} is not in the schema")


_CANONICAL = {
    "string": "VARCHAR",
    "double": "DOUBLE",
    "long": "BIGINT",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "decimal": "DECIMAL(28,8)",
}


def _name(field: Field) -> str:
    return f'"{field.name}"'


def _type(field: Field) -> str:
    return _TYPES.get(field.parquet_type, field.parquet_type)


def _text(field: Field) -> str:
    return _TEXTS.get(field.kind, "{0}").format(_name(field)) + f" as {_name(field)}"
