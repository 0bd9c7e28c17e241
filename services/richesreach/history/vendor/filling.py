"""A vendor's bars, unit by unit: into the database, then as they came into the lake, and at last its record.

The record of lineage is what says that a unit is done: one that has it is passed over, and one that was
killed on the way is asked for again, with the same rows in the database and the same objects in the lake. So
is one of which more may come: see `_settled`.
"""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any

import msgspec

from richesreach.core.logs import logger
from richesreach.history.bars import BarStore
from richesreach.history.lake.records import LINEAGE, PRODUCER, SPEC
from richesreach.history.lake.store import LakeStore
from richesreach.history.vendor.massive import BEHIND, LICENCE, NAME, SOURCE, MassiveBars, Told, Unit

PREFIX = f"raw/market_data/{SOURCE}/"
LINES, RECORD = "application/x-ndjson", "application/json"
AT_ONCE = 500
# Wrong bars of a unit that are named.
NAMED = 5
# After a unit's last day, in which the vendor may still correct it.
SETTLED = timedelta(days=1)


@dataclass(slots=True)
class Outcome:
    """`unknown` bars are of symbols that the market does not list: the lake has them, the database not.
    `unsettled` units have no record: the next run asks for them again.
    """

    units: int = 0
    passed: int = 0
    unsettled: int = 0
    bars: int = 0
    unknown: int = 0
    wrong: int = 0


class Filling:
    """Of one region. `again`: also what is done."""

    def __init__(
        self,
        vendor: MassiveBars,
        bars: BarStore,
        lake: LakeStore,
        region: str,
        *,
        again: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._vendor, self._bars, self._lake, self._region = vendor, bars, lake, region
        self._again, self._clock = again, clock

    async def run(self, units: Sequence[Unit]) -> Outcome:
        """Raises SourceError, LakeUnavailableError, DatabaseUnavailableError; what is done by then stays."""
        outcome = Outcome(units=len(units))
        for number, unit in enumerate(units, 1):
            key = self._record_key(unit)
            if not self._again and await asyncio.to_thread(self._lake.get, key) is not None:
                outcome.passed += 1
                continue
            now = self._clock()
            told, wrong = await self._vendor.of(unit)
            unknown, keys = await self._keep(unit, told, now)
            settled = bool(told) and not unknown and _settled(unit, now)
            if settled:
                record = msgspec.json.encode(self._record(unit, keys, len(told), wrong, now))
                await asyncio.to_thread(self._lake.put, key, record, RECORD)
            outcome.unsettled += not settled
            outcome.bars += len(told)
            outcome.unknown += unknown
            outcome.wrong += len(wrong)
            about = {**_named(unit), "number": number, "of": len(units)}
            logger().info("unit_filled", **about, bars=len(told), settled=settled)
            if wrong:
                logger().warning("bars_refused", **_named(unit), count=len(wrong), some=wrong[:NAMED])
        return outcome

    async def _keep(self, unit: Unit, told: Sequence[Told], now: datetime) -> tuple[int, list[str]]:
        """How many bars are of unknown symbols, and the keys of the objects in the lake."""
        unknown = 0
        for begin in range(0, len(told), AT_ONCE):
            unknown += (await self._bars.save([each.bar for each in told[begin : begin + AT_ONCE]]))[1]
        keys = []
        for day, of_day in groupby(told, key=lambda each: each.day):
            keys.append(self._lines_key(unit, day))
            body = b"".join(msgspec.json.encode(self._line(each, now)) + b"\n" for each in of_day)
            await asyncio.to_thread(self._lake.put, keys[-1], body, LINES)
        return unknown, keys

    def _lines_key(self, unit: Unit, day: date) -> str:
        name = f"backfill-{unit.interval}-{unit.symbol}.jsonl"
        return f"{PREFIX}region={self._region}/dt={day}/{name}"

    def _record_key(self, unit: Unit) -> str:
        name = f"backfill-{NAME}-{unit.interval}-{unit.symbol}-{unit.first}-{unit.last}.json"
        return f"{LINEAGE}region={self._region}/dt={unit.first}/{name}"

    def _line(self, told: Told, now: datetime) -> dict[str, Any]:
        """As the lake's schema `market_data` has it."""
        bar = told.bar
        return {
            "symbol": bar.symbol,
            "timestamp": f"{datetime.fromtimestamp(bar.start // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "interval": bar.interval,
            **{name: float(getattr(bar, name)) for name in ("open", "high", "low", "close", "volume")},
            "vwap": None if bar.vwap is None else float(bar.vwap),
            "trades": told.trades,
            "currency": "USD",
            "source": SOURCE,
            "licence": LICENCE,
            "ingested_at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "origin": "live",
        }

    def _record(
        self, unit: Unit, keys: Sequence[str], rows: int, wrong: Sequence[str], now: datetime
    ) -> dict[str, Any]:
        """An event of OpenLineage, as those of the hours are."""
        asked = {"_producer": PRODUCER, "_schemaURL": PRODUCER, **_named(unit), "licence": LICENCE}
        counted = {"_producer": PRODUCER, "_schemaURL": PRODUCER, "rowCount": rows, "refused": len(wrong)}
        return {
            "eventType": "COMPLETE",
            "eventTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, self._lake.uri(self._record_key(unit))))},
            "job": {"namespace": f"richesreach/{self._region}", "name": "history.backfill"},
            "inputs": [{"namespace": NAME, "name": "aggregates", "facets": {"asked": asked}}],
            "outputs": [
                {
                    "namespace": f"s3://{self._lake.bucket}",
                    "name": PREFIX.rstrip("/"),
                    "outputFacets": {"counted": counted},
                    "facets": {"keys": {"_producer": PRODUCER, "_schemaURL": PRODUCER, "keys": list(keys)}},
                }
            ],
            "producer": PRODUCER,
            "schemaURL": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        }


def _settled(unit: Unit, now: datetime) -> bool:
    """Whether its last day, of New York, was over a day before `now`, when it was asked for."""
    ended = datetime.combine(unit.last + timedelta(days=1), time(), UTC) + BEHIND
    return now - ended >= SETTLED


def _named(unit: Unit) -> dict[str, str]:
    return {
        "symbol": unit.symbol,
        "interval": unit.interval,
        "first": str(unit.first),
        "last": str(unit.last),
    }
