"""Parquet by DuckDB, in a folder of the task's own that is gone afterwards."""

import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from richesreach.core.events.schemas import Bar
from richesreach.history.lake.layouts import Kind, Layout
from richesreach.history.lake.rows import Rows

CONTENT_TYPE = "application/vnd.apache.parquet"
# One thread: files are made beside the event loop. Past this much memory, sorting goes through the folder.
MEMORY = "256MB"
# Rows between which a reader may skip.
GROUP = 122_880


@dataclass(frozen=True, slots=True)
class Quality:
    """What files of one hour hold, beyond their rows. Times are Unix nanoseconds."""

    rows: int
    symbols: int
    repeated: int
    nulls: Mapping[str, int]
    oldest: int | None
    newest: int | None


def of_rows(rows: Rows) -> bytes:
    """A file of what is buffered, in the order of the stream."""
    columns: dict[str, Any] = {}
    for column in rows.layout.columns:
        held = rows.columns[column.name]
        columns[column.name] = np.array(held, dtype=object) if column.kind is Kind.DECIMAL else np.array(held)
    columns["row"] = np.arange(len(rows))
    names = {"code": np.arange(len(rows.names)), "name": np.array(list(rows.names), dtype=object)}
    with tempfile.TemporaryDirectory() as folder, _engine(folder) as engine:
        engine.register("rows", columns)
        engine.register("names", names)
        return _copied(engine, rows.layout.query, folder)


def merged(layout: Layout, files: Iterable[bytes]) -> bytes:
    """One file of several, sorted; a row that is in two of them stays once."""
    with tempfile.TemporaryDirectory() as folder, _engine(folder) as engine:
        _give(engine, folder, files)
        unique, order = ", ".join(layout.unique), ", ".join(layout.sorted_by)
        columns = ", ".join(each.name for each in layout.columns if each.name.startswith("stream_"))
        place = f"[{columns}]"
        # Of the keys alone: `distinct on`, and a window, keep whole rows in memory.
        engine.execute(
            f"create temp table again as select {unique}, min({place}) as first from files"  # noqa: S608
            f" group by {unique} having count(*) > 1"
        )
        return _copied(
            engine,
            f"select files.* from files left join again using ({unique})"  # noqa: S608
            f" where first is null or first = {place} order by {order}",
            folder,
        )


def latest(files: Iterable[bytes]) -> dict[tuple[str, str], tuple[int, int]]:
    """The last time and revision of each symbol and interval in one file or more."""
    with tempfile.TemporaryDirectory() as folder, _engine(folder) as engine:
        _give(engine, folder, files)
        revised = "revision" in engine.table("files").columns
        found = engine.execute(
            f"select symbol, interval, max((epoch_us(timestamp), {'revision' if revised else 0}))"  # noqa: S608
            " from files group by all"
        ).fetchall()
    return {(symbol, interval): (micros * 1000, revision) for symbol, interval, (micros, revision) in found}


def bars(
    body: bytes, since: datetime, until: datetime, intervals: Collection[str], symbols: Collection[str]
) -> list[Bar]:
    """The bars of a file that start from `since` on and before `until`; all symbols where none is named."""
    named = list(symbols)
    with tempfile.TemporaryDirectory() as folder, _engine(folder) as engine:
        _give(engine, folder, [body])
        found = engine.execute(
            "select symbol, interval, epoch_us(timestamp) * 1000, epoch_us(ends_at) * 1000, open, high, low,"
            " close, volume, ticks, vwap, revision from files where epoch_us(timestamp) >= ?"
            " and epoch_us(timestamp) < ? and list_contains(?, interval)"
            " and (len(?) = 0 or list_contains(?, symbol)) order by stream_epoch, stream_offset",
            [*(int(each.timestamp()) * 1_000_000 for each in (since, until)), list(intervals), named, named],
        ).fetchall()
    names = ("symbol", "interval", "start", "end", "open", "high", "low", "close", "volume", "ticks", "vwap")
    return [Bar(**dict(zip((*names, "revision"), row, strict=True))) for row in found]


def quality(layout: Layout, files: Iterable[bytes]) -> Quality:
    """What the files of one hour, one at least, hold together."""
    time = "event_time" if layout.topic == "market.ticks" else "epoch_us(timestamp) * 1000"
    unique = ", ".join(layout.unique)
    names = [column.name for column in layout.columns]
    nulls = ", ".join(f'count(*) - count("{name}")' for name in names)
    with tempfile.TemporaryDirectory() as folder, _engine(folder) as engine:
        _give(engine, folder, files)
        row = engine.execute(
            f"select count(*), count(distinct symbol), count(*) - count(distinct ({unique})),"  # noqa: S608
            f" min({time}), max({time}), {nulls} from files"
        ).fetchone()
    assert row is not None  # noqa: S101 (an aggregate has one row)
    rows, symbols, repeated, oldest, newest, *counts = row
    absent = {name: count for name, count in zip(names, counts, strict=True) if count}
    return Quality(rows, symbols, repeated, absent, oldest, newest)


def _engine(folder: str) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "memory_limit": MEMORY,
            "temp_directory": folder,
            # Whatever it needs is in the wheel: nothing is fetched where this runs.
            "autoinstall_known_extensions": False,
        },
    )


def _give(engine: duckdb.DuckDBPyConnection, folder: str, files: Iterable[bytes]) -> None:
    """The table `files`."""
    paths = []
    for number, body in enumerate(files):
        path = Path(folder, f"given-{number}.parquet")
        path.write_bytes(body)
        paths.append(str(path))
    engine.read_parquet(paths, hive_partitioning=False).create_view("files")


def _copied(engine: duckdb.DuckDBPyConnection, query: str, folder: str) -> bytes:
    made = Path(folder, "made.parquet")
    engine.execute(f"copy ({query}) to '{made}' (format parquet, compression zstd, row_group_size {GROUP})")
    return made.read_bytes()
