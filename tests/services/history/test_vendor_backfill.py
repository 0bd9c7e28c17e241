"""A vendor's bars come into the database and the lake once, whatever happens on the way."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import lakes
import pytest
from gateway_task import task_environment
from lakes import REGION, new_store
from massive_played import DAY, LATER, MINUTES, Answer, Vendor, asking, bar, page
from postgres_servers import PostgresCluster
from richesreach.core.database import Connection, Database
from richesreach.core.settings import SettingsError
from richesreach.history.backfill import arguments
from richesreach.history.bars import BarStore
from richesreach.history.lake.store import LakeStore
from richesreach.history.vendor.command import key_of
from richesreach.history.vendor.filling import PREFIX, Filling
from richesreach.history.vendor.massive import Unit


async def rows(database: Database) -> list[tuple[Decimal, str]]:
    question = "select close, source from market_bars where interval = '1m' order by close"

    async def work(connection: Connection) -> list[asyncpg.Record]:
        return await connection.fetch(question)

    return [(row["close"], row["source"]) for row in await database.writer.run(work)]


def lines(store: LakeStore) -> list[dict[str, Any]]:
    found = [store.get(key) for key in store.keys(PREFIX)]
    return [json.loads(line) for each in found if each for line in each.body.splitlines()]


async def test_bars_are_in_the_database_and_the_lake_with_where_they_are_from(
    kept: Database, store: LakeStore
) -> None:
    vendor = Vendor(page(bar(0), bar(1, c=187.3), bar(2, c=-1)))
    async with asking(vendor) as bars:
        filling = Filling(bars, BarStore(kept, "massive", overrules=True), store, REGION)
        outcome = await filling.run([MINUTES])
        assert (outcome.bars, outcome.wrong, outcome.unknown) == (2, 1, 0)
        again = await filling.run([MINUTES])
    assert (again.passed, len(vendor.requests)) == (1, 1)
    assert await rows(kept) == [(Decimal("187.25"), "massive"), (Decimal("187.3"), "massive")]
    assert store.keys(PREFIX) == [f"{PREFIX}region={REGION}/dt=2026-01-05/backfill-1m-AAPL.jsonl"]
    first, _ = lines(store)
    assert (first["timestamp"], first["source"], first["licence"][:7]) == (
        "2026-01-05T14:30:00Z",
        "polygon",
        "massive",
    )
    (key,) = store.keys("metadata/lineage/")
    found = store.get(key)
    assert found is not None
    record = json.loads(found.body)
    assert record["inputs"][0]["facets"]["asked"]["licence"].startswith("massive")
    assert record["outputs"][0]["outputFacets"]["counted"]["refused"] == 1


@pytest.mark.parametrize(
    ("answer", "symbol", "now"),
    [
        (page(), "AAPL", LATER),
        (page(bar()), "NOBODY", LATER),
        (page(bar()), "AAPL", datetime(2026, 1, 7, 4, 59, tzinfo=UTC)),
    ],
    ids=["nothing came", "of an unknown symbol", "of a day that has just ended"],
)
async def test_a_unit_of_which_more_may_come_is_asked_for_again(
    answer: Answer, symbol: str, now: datetime, kept: Database, store: LakeStore
) -> None:
    wanted, vendor = [Unit(symbol, "1m", DAY, DAY)], Vendor(answer, page(bar()))
    async with asking(vendor) as bars:
        stored = BarStore(kept, "massive", overrules=True)
        first = await Filling(bars, stored, store, REGION, clock=lambda: now).run(wanted)
        again = await Filling(bars, stored, store, REGION, clock=lambda: LATER).run(wanted)
    assert (first.unsettled, again.passed, len(vendor.requests)) == (1, 0, 2)


async def test_a_day_that_has_ended_a_day_before_is_done(kept: Database, store: LakeStore) -> None:
    async with asking(Vendor(page(bar()))) as bars:
        filling = Filling(bars, BarStore(kept, "massive", overrules=True), store, REGION, clock=lambda: LATER)
        assert (await filling.run([MINUTES])).unsettled == 0
        assert (await filling.run([MINUTES])).passed == 1


async def test_after_a_kill_what_is_done_is_passed_over_and_the_rest_has_no_row_twice(
    kept: Database, store: LakeStore
) -> None:
    wanted = [MINUTES, Unit("MSFT", "1m", DAY, DAY)]

    class KilledError(Exception):
        """Stands for SIGKILL: nothing after it happens."""

    class Dying(LakeStore):
        """Takes three objects: the first unit's two, and of the second the lines but not the record."""

        left = 3

        def put(self, key: str, body: bytes, content: str) -> None:
            if not self.left:
                raise KilledError
            self.left -= 1
            super().put(key, body, content)

    vendor = Vendor(page(bar()))
    async with asking(vendor) as bars:
        dying = Dying(store.bucket, lakes.client())
        with pytest.raises(KilledError):
            await Filling(bars, BarStore(kept, "massive", overrules=True), dying, REGION).run(wanted)
        outcome = await Filling(bars, BarStore(kept, "massive", overrules=True), store, REGION).run(wanted)
    assert (outcome.passed, outcome.bars) == (1, 1)
    assert len(await rows(kept)) == 2
    assert sorted(line["symbol"] for line in lines(store)) == ["AAPL", "MSFT"]


async def test_lines_are_as_the_lakes_schema_says(kept: Database) -> None:
    store = new_store()
    async with asking(Vendor(page(bar(), bar(1, vw=None, n=None)))) as bars:
        await Filling(bars, BarStore(kept, "massive", overrules=True), store, REGION).run([MINUTES])
    repository = Path(__file__).parents[3]
    told = "import json; from stacks.datalake.schemas.market import MARKET_DATA as schema;"
    told += "print(json.dumps({f.name: f.nullable for f in schema.fields}))"
    python = repository / ".venv" / "bin" / "python"
    process = await asyncio.create_subprocess_exec(
        python, "-c", told, cwd=repository, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}
    )
    said, _ = await process.communicate()
    nullable = json.loads(said)
    for line in lines(store):
        assert set(line) == set(nullable)
        assert {name for name, value in line.items() if value is None} <= {
            name for name, may in nullable.items() if may
        }


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ([], "name them with --symbols"),
        (["--symbols", "BTC-USD"], "US stocks alone, and BTC-USD is none"),
        (["--symbols", "AAPL", "--intervals", "7m"], "intervals 1m and 1d, not 7m"),
        (["--symbols", "AAPL", "--per-minute", "0"], "must be 1 to 6000"),
    ],
)
def test_what_a_vendor_cannot_be_asked_for_is_refused_in_one_line(
    more: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments(["2026-01-05T00", "2026-01-06T00", "--from-vendor", "massive", *more])
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("hours", "reason"),
    [
        (["2026-01-05T00", "2026-01-05T09"], "whole days"),
        (["2125-01-05T00", "2125-01-06T00"], "days that are over"),
    ],
)
def test_only_whole_days_that_are_over_are_asked_for(
    hours: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        arguments([*hours, "--from-vendor", "massive", "--symbols", "AAPL"])
    assert reason in capsys.readouterr().err


def test_the_key_is_the_secrets_or_the_variables() -> None:
    secret = {"SECRET_MARKET_PROVIDERS": '{"massive": {"key": "one"}, "finnhub": {"key": "x"}}'}
    assert key_of({**secret, "POLYGON_API_KEY": "other"}).reveal() == "one"
    assert key_of({"POLYGON_API_KEY": "other"}).reveal() == "other"


def test_without_a_key_it_ends_with_one_line_that_says_where_it_goes() -> None:
    with pytest.raises(SettingsError, match="put it into the secret market/providers"):
        key_of({})


def test_the_command_without_a_key_exits_1_and_tells_no_traceback(own_database: PostgresCluster) -> None:
    environment = {
        **task_environment(own_database, None),
        "S3_BUCKET": "nowhere",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PATH": os.environ["PATH"],
    }
    hours = ["2026-01-05T00", "2026-01-06T00", "--from-vendor", "massive", "--symbols", "AAPL"]
    done = subprocess.run(
        [sys.executable, "-m", "richesreach.history.backfill", *hours],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "there is no key of massive" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
