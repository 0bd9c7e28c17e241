"""What is true of a view's rows: statistics, findings of validation, and whether online and offline agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from richesreach.core.database import Connection, Database
from richesreach.core.market_hours import is_open, market_of
from richesreach.core.vectors import ONLINE, Floats
from richesreach.features.moments import SECOND
from richesreach.features.views import Feature, View

# Of the newest rows of a view, within the asked time.
MOST_ROWS = 20_000
_QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)

_ROWS = """
    select {entity} as entity, event_time, {columns} from {view}
    where event_time > $1 order by event_time desc limit $2
"""
_LIVE_ROWS = """
    select * from market_data_features join technical_indicators_features using (symbol, event_time)
    where event_time > $1 and ($2::text[] is null or symbol = any($2)) order by event_time desc limit $3
"""
_PUSHED_ROWS = """
    select * from {view}
    where event_time > $1 and ($2::text[] is null or {entity} = any($2)) order by event_time desc limit $3
"""


@dataclass(frozen=True, slots=True)
class Summary:
    """Of the values that there are; None of them all where there is none. `nulls` is a share, 0 to 1."""

    name: str
    rows: int
    nulls: float
    lowest: float | None = None
    highest: float | None = None
    mean: float | None = None
    deviation: float | None = None
    quantiles: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: with what, how often of how many, and what was seen."""

    rule: str
    feature: str | None
    entities: Sequence[str]
    count: int
    of: int
    detail: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of one view, the newest first."""

    view: View
    entities: Sequence[str]
    times: Sequence[int]
    values: Floats  # (rows, features)


@dataclass(frozen=True, slots=True)
class Skew:
    """A row whose values have another hash than the vector that was online at its time."""

    entity: str
    time: int
    online: str
    offline: str


class Checks:
    """Raises DatabaseUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sample(self, view: View, since: int) -> Sample:
        """What was kept from a time on (Unix nanoseconds), at most `MOST_ROWS`."""
        statement = _ROWS.format(view=view.name, entity=view.entity, columns=", ".join(view.names))

        async def select(connection: Connection) -> Sample:
            rows = await connection.fetch(statement, since, MOST_ROWS)
            values = [[np.nan if one is None else one for one in [*row.values()][2:]] for row in rows]
            return Sample(
                view,
                [row["entity"] for row in rows],
                [row["event_time"] for row in rows],
                np.array(values, np.float64).reshape(len(rows), len(view.names)),
            )

        return await self._database.read(select)

    async def skew(
        self, view: View, since: int, entities: Sequence[str] | None, most: int
    ) -> tuple[int, list[Skew]]:
        """How many rows were held against the hash of what was online, and those that differ.

        A live vector is the columns of both live views: they are proven together.
        """
        statement = _LIVE_ROWS if view.live else _PUSHED_ROWS.format(view=view.name, entity=view.entity)

        async def select(connection: Connection) -> tuple[int, list[Skew]]:
            rows = await connection.fetch(statement, since, entities, most)
            found = []
            for row in rows:
                fields = dict(row)
                entity, at = fields[view.entity], fields["event_time"]
                layout = ONLINE if view.live else view.layout
                digest = layout.skew_hash(entity, at, layout.of_row(fields))
                if digest != fields["vector_hash"]:
                    found.append(Skew(entity, at, fields["vector_hash"], digest))
            return len(rows), found

        return await self._database.read(select)


def statistics(sample: Sample) -> list[Summary]:
    """Of each feature, in the view's order."""
    return [_summary(name, sample.values[:, place]) for place, name in enumerate(sample.view.names)]


def validate(sample: Sample, now: int) -> list[Finding]:
    """Values out of their range, too many without one, and entities whose newest row is stale though their
    market is open.
    """
    found: list[Finding] = []
    for place, feature in enumerate(sample.view.features):
        column = sample.values[:, place]
        found += _out_of_range(sample, feature, column)
        missing = np.isnan(column)
        share = float(missing.mean()) if len(column) else 0.0
        if share > feature.nulls:
            entities = _named(sample, missing)
            detail = f"{share:.1%} without a value, at most {feature.nulls:.1%}"
            found.append(Finding("nulls", feature.name, entities, int(missing.sum()), len(column), detail))
    return [*found, *_stale(sample, now)]


def _out_of_range(sample: Sample, feature: Feature, column: Floats) -> list[Finding]:
    low = -np.inf if feature.lowest is None else feature.lowest
    high = np.inf if feature.highest is None else feature.highest
    # Neither bound admits an infinite number, also where there is none.
    wrong = (column < low) | (column > high) | np.isinf(column)
    if not wrong.any():
        return []
    seen = column[wrong]
    detail = f"{seen.min():g} to {seen.max():g}, out of {feature.bounds}"
    return [Finding("range", feature.name, _named(sample, wrong), int(wrong.sum()), len(column), detail)]


def _stale(sample: Sample, now: int) -> list[Finding]:
    newest: dict[str, int] = {}
    for entity, at in zip(sample.entities, sample.times, strict=True):
        newest[entity] = max(at, newest.get(entity, 0))
    # The rows of a live view are kept a minute apart.
    patience = sample.view.stale_after + (120 if sample.view.live else 0)
    stale = {entity: at for entity, at in newest.items() if at < now - patience * SECOND}
    if sample.view.live:
        stale = {entity: at for entity, at in stale.items() if is_open(market_of(entity), now)}
    if not stale:
        return []
    age = (now - min(stale.values())) // SECOND
    detail = f"the oldest is from {age} s ago, stale from {patience} s on"
    return [Finding("stale", None, sorted(stale)[:20], len(stale), len(newest), detail)]


def _named(sample: Sample, rows: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> list[str]:
    """At most twenty of the entities of those rows."""
    return sorted({sample.entities[place] for place in np.flatnonzero(rows).tolist()})[:20]


def _summary(name: str, column: Floats) -> Summary:
    values = column[np.isfinite(column)]
    nulls = float(np.isnan(column).mean()) if len(column) else 0.0
    if not len(values):
        return Summary(name, len(column), nulls)
    quantiles = np.quantile(values, _QUANTILES)
    return Summary(
        name,
        len(column),
        nulls,
        float(values.min()),
        float(values.max()),
        float(values.mean()),
        float(values.std()),
        {f"p{round(share * 100)}": float(value) for share, value in zip(_QUANTILES, quantiles, strict=True)},
    )
