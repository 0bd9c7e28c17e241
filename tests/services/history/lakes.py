"""A lake for tests: moto's S3 behind a real socket, its files read by DuckDB, and messages of a topic."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import duckdb
import loopback
import msgspec
from moto.server import ThreadedMotoServer
from richesreach.core.events.schemas import Bar, Heartbeat, Indicator, PackedTick, TickBatch
from richesreach.history.lake.layouts import Layout
from richesreach.history.lake.manifests import Place
from richesreach.history.lake.store import LakeStore

REGION = "eu-west-1"
_numbers = itertools.count(1)
# A noon, in Unix milliseconds.
NOON = 1_767_268_800_000
HOUR = 3_600_000


@contextmanager
def server() -> Iterator[str]:
    host, port = loopback.own_address()
    running = ThreadedMotoServer(ip_address=host, port=port, verbose=False)
    running.start()
    try:
        yield f"http://{host}:{port}"
    finally:
        running.stop()


def client(endpoint: str | None = None) -> Any:
    return boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def new_store(endpoint: str | None = None) -> LakeStore:
    bucket, s3 = f"lake-{next(_numbers)}", client(endpoint)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    return LakeStore(bucket, s3)


@dataclass
class Given:
    """A message as the client hands it over."""

    place: int
    body: bytes
    published: int
    number: int = 0
    name: str = "market.ticks"

    def value(self) -> bytes:
        return self.body

    def offset(self) -> int:
        return self.place

    def partition(self) -> int:
        return self.number

    def topic(self) -> str:
        return self.name

    def key(self) -> bytes:
        return b"key"

    def headers(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return 1, self.published


def ticks(
    offset: int,
    count: int = 3,
    *,
    at: int = NOON,
    symbol: str = "AAPL",
    number: int = 0,
    term: int = 0,
    first: int | None = None,
) -> Given:
    """One message with so many ticks, whose numbers follow from its offset or begin with `first`."""
    begin = offset * 10 if first is None else first
    batch = TickBatch(
        source="generator",
        venue="XNAS",
        licence="internal",
        ticks=[
            PackedTick(
                s=symbol,
                q=begin + place,
                t=at * 1_000_000 + place,
                r=at * 1_000_000 + place + 5,
                p=18_725_000_000 + place,
                z=100_000_000,
            )
            for place in range(count)
        ],
        epoch=term,
    )
    return Given(offset, msgspec.json.encode(batch), at, number)


def heartbeat(offset: int, term: int, *, at: int = NOON) -> Given:
    """Of the partition's publisher, which says nothing of ticks."""
    return Given(offset, msgspec.json.encode(Heartbeat(member="a", epoch=term, time=0)), at)


def bar(offset: int, start: int, *, at: int = NOON, symbol: str = "AAPL", **changed: Any) -> Given:
    """A bar of a minute from `start`, a number of minutes since the epoch."""
    minute = 60_000_000_000
    message = Bar(
        **{
            "symbol": symbol,
            "interval": "1m",
            "start": start * minute,
            "end": (start + 1) * minute,
            **dict.fromkeys(("open", "high", "low", "close", "vwap"), "187.25"),
            "volume": "1000",
            "ticks": 12,
            **changed,
        }
    )
    return Given(offset, msgspec.json.encode(message), at, name="market.bars")


def indicator(offset: int, minute: int, *, at: int = NOON, **values: float) -> Given:
    message = Indicator(symbol="AAPL", interval="1m", time=minute * 60_000_000_000, values=values)
    return Given(offset, msgspec.json.encode(message), at, name="market.indicators")


def listed(place: Place) -> list[str]:
    """The URIs that manifests name, in order."""
    keys = place.store.keys(f"{place.layout.manifests}region={place.region}/")
    return sorted(uri for key in keys for uri in _lines(place, key))


def _lines(place: Place, key: str) -> list[str]:
    manifest = place.read(key)
    return [] if manifest is None else list(manifest.uris)


def rows(place: Place, columns: str = "*") -> list[tuple[Any, ...]]:
    """What a reader finds that goes by the manifests, in the order of the stream."""
    with TemporaryDirectory() as folder:
        paths = []
        for number, uri in enumerate(listed(place)):
            found = place.store.get(place.store.key(uri))
            assert found is not None, f"{uri} is named and not there"
            path = Path(folder, f"{number}.parquet")
            path.write_bytes(found.body)
            paths.append(str(path))
        if not paths:
            return []
        names = [column.name for column in place.layout.columns]
        order = ", ".join(name for name in names if name.startswith("stream_"))
        with duckdb.connect() as engine:
            return engine.execute(
                f"select {columns} from read_parquet({paths}, hive_partitioning=false) order by {order}"  # noqa: S608
            ).fetchall()


def schema_of(body: bytes) -> dict[str, str]:
    """The columns of a file, and their types in DuckDB."""
    with TemporaryDirectory() as folder, duckdb.connect() as engine:
        path = Path(folder, "file.parquet")
        path.write_bytes(body)
        found = engine.read_parquet(str(path), hive_partitioning=False)
        return dict(zip(found.columns, map(str, found.types), strict=True))


def place_of(store: LakeStore, layout: Layout) -> Place:
    return Place(store, layout, REGION)
