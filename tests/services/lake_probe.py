"""Reads a lake as its users do: `python lake_probe.py BUCKET REGION PREFIX`, with the S3 of the environment.

DuckDB reads the files that the region's manifests of its newest day name below PREFIX. Prints JSON: `columns`
(type by name), `rows`, `symbols`, and how many rows are there `twice`, by what the stream numbered them.
"""

import json
import sys
import tempfile
from pathlib import Path

import boto3
import duckdb

bucket, region, prefix = sys.argv[1:]
s3 = boto3.client("s3", region_name=region)


def keys(below: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=below)
    return [each["Key"] for page in pages for each in page.get("Contents", [])]


def body(key: str) -> bytes:
    return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


manifests = keys(f"{prefix}manifests/region={region}/")
newest = max((key.split("/dt=")[1].split("/")[0] for key in manifests), default="")
named = [
    uri.removeprefix(f"s3://{bucket}/")
    for key in manifests
    if f"/dt={newest}/" in key
    for uri in body(key).decode().split()
]
if not named:
    sys.stdout.write(json.dumps({"rows": 0}))
    sys.exit()
with tempfile.TemporaryDirectory() as folder, duckdb.connect() as engine:
    for number, key in enumerate(named):
        Path(folder, f"{number}.parquet").write_bytes(body(key))
    engine.read_parquet(f"{folder}/*.parquet", hive_partitioning=False).create_view("files")
    known = engine.table("files")
    columns = dict(zip(known.columns, map(str, known.types), strict=True))
    place = ", stream_place" if "stream_place" in columns else ""
    found = engine.execute(
        "select count(*), list(distinct symbol order by symbol),"  # noqa: S608 (columns of the file's own)
        f" count(*) - count(distinct (stream_epoch, stream_partition, stream_offset{place})) from files"
    ).fetchone()
assert found is not None
sys.stdout.write(json.dumps({"columns": columns, "rows": found[0], "symbols": found[1], "twice": found[2]}))
