"""What the stream said is kept: in every region's lake, and in the database that all regions read."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops.local import aws, paths
from stacks.datalake.schemas import DATASETS
from stacks.environment import Environment
from stacks.naming import Names
from tests.acceptance.client import Edge, eventually

PROBE = Path(__file__).parents[1] / "services" / "lake_probe.py"
HOME, EUROPE = "us-east-1", "eu-west-1"
PARQUET = [dataset for dataset in DATASETS if dataset.format == "parquet"]
#: What a Glue type is to DuckDB.
TYPES = {
    "string": "VARCHAR",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "decimal(28,8)": "DECIMAL(28,8)",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
}
#: A bar of a minute is complete after it, and the writer may still be starting.
PATIENCE = 150


def lake(environment: Environment, region: str) -> str:
    account = aws.client("sts", region).get_caller_identity()["Account"]
    return Names(environment.name).lake_bucket(account, region)


def read(bucket: str, region: str, prefix: str) -> dict[str, Any]:
    probed = subprocess.run(
        [str(paths.SERVICES_PYTHON), str(PROBE), bucket, region, prefix],
        env={
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": aws.endpoint(),
            "AWS_ACCESS_KEY_ID": aws.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": aws.SECRET_KEY,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert probed.returncode == 0, probed.stderr
    found: dict[str, Any] = json.loads(probed.stdout)
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize("region", [HOME, EUROPE])
def test_ticks_and_bars_are_in_the_lake_by_region_day_and_hour(region: str, environment: Environment) -> None:
    bucket, s3 = lake(environment, region), aws.client("s3", region)
    for prefix in ("raw/market_data/ticks/", "processed/bars/"):

        def partitions(below: str = f"{prefix}region={region}/") -> list[str]:
            listed = s3.list_objects_v2(Bucket=bucket, Prefix=below).get("Contents", [])
            return [each["Key"] for each in listed if each["Key"].endswith(".parquet")]

        key = eventually(partitions, f"files below {prefix}", PATIENCE)[-1]
        day, hour = key.split("/")[-3:-1]
        at = datetime.strptime(f"{day} {hour}", "dt=%Y-%m-%d hour=%H").replace(tzinfo=UTC)
        assert abs(datetime.now(UTC) - at) < timedelta(hours=3)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("dataset", PARQUET, ids=lambda dataset: dataset.name)
def test_the_files_have_the_columns_of_their_glue_table_and_each_message_once(
    dataset: Any, environment: Environment
) -> None:
    bucket = lake(environment, HOME)

    def rows() -> dict[str, Any] | None:
        found = read(bucket, HOME, dataset.prefix)
        return found if found["rows"] else None

    found = eventually(rows, f"rows of {dataset.name}", PATIENCE)
    database = Names(environment.name).lake_database(dataset.zone)
    table = aws.client("glue", HOME).get_table(DatabaseName=database, Name=dataset.name)["Table"]
    columns = {each["Name"]: TYPES[each["Type"]] for each in table["StorageDescriptor"]["Columns"]}
    assert found["columns"] == columns
    assert found["twice"] == 0
    assert "AAPL" in found["symbols"]


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("place", "region"), [("New York", HOME), ("Frankfurt", EUROPE)])
def test_the_price_history_follows_the_ticks_in_every_region(place: str, region: str, edge: Edge) -> None:
    asked = {
        "query": """{ symbol(name: "AAPL") {
            minutes: priceHistory(interval: MINUTE, limit: 5) { timestamp }
            hours: priceHistory(interval: HOUR, limit: 1) { timestamp }
        } }"""
    }

    def newest() -> tuple[datetime, datetime] | None:
        answer = edge.post("/graphql", asked, place)
        assert answer.region == region
        history = answer.document["data"]["symbol"]
        if not history["minutes"]:
            return None
        minute, hour = (
            datetime.fromisoformat(history[which][-1]["timestamp"]) for which in ("minutes", "hours")
        )
        recent = datetime.now(UTC) - minute < timedelta(minutes=5)
        return (minute, hour) if recent and datetime.now(UTC) - hour < timedelta(hours=1) else None

    minute, hour = eventually(newest, "a bar of the last minutes, and one of this hour", PATIENCE)
    assert hour <= minute < datetime.now(UTC)
