"""The Flink job's tables and statements, made of what `stream/definitions.py` says.

`python services/flink/generate.py` writes `job/bars/statements.py` anew; `--check` only says whether it is
what the definitions say, and exits with 1 where it is not.

Which ticks enter bars is said in SQL, by partition and in the order of arrival, as the service `stream` says
it: no rule of Flink's own about lateness decides. Flink's watermark, of the slowest partition, only tells
when windows are complete; it never runs ahead of a partition's own.
"""

import argparse
import sys
from pathlib import Path

from richesreach.stream.definitions import (
    COLUMNS,
    INDICATORS,
    INTERVALS,
    LATENESS,
    LEAD,
    SCALE,
    SECOND,
    Column,
    Fold,
    fingerprint,
)

TARGET = Path(__file__).parent / "job" / "bars" / "statements.py"
MILLISECOND = 1_000_000
# Flink closes a window a millisecond before its watermark has reached the window's end.
WATERMARK_DELAY = LATENESS + MILLISECOND
# How long a number that came is remembered, to know one that comes again.
REMEMBERED = "10 min"
# Without a word for so long a partition no longer holds the others back; publishers give one each second.
IDLE = "30 s"

# The last tick of a batch stands for it: to take an earlier time than its latest closes windows no sooner.
_LAST = "`ticks`[CARDINALITY(`ticks`)]"
_EVENT, _RECEIVED = f"COALESCE(`event_time`, {_LAST}.t)", f"COALESCE(`received_time`, {_LAST}.r)"
_IN_ARRIVAL = (
    "OVER (PARTITION BY `partition` ORDER BY arrived ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
)
_SCALED = f"CAST(CAST({{}} AS DECIMAL(38, 8)) * {SCALE} AS BIGINT)"

MESSAGES = f"""\
CREATE TABLE messages (
  `type` STRING, `source` STRING, `venue` STRING, `licence` STRING, `epoch` BIGINT, `time` BIGINT,
  `ticks` ARRAY<ROW<s STRING, q BIGINT, t BIGINT, r BIGINT, p BIGINT, z BIGINT>>,
  `symbol` STRING, `price` STRING, `size` STRING,
  `event_time` BIGINT, `received_time` BIGINT, `sequence` BIGINT,
  `partition` INT METADATA VIRTUAL, `offset` BIGINT METADATA VIRTUAL,
  arrived AS PROCTIME(),
  told AS TO_TIMESTAMP_LTZ(COALESCE(`time`, {_EVENT}) / {MILLISECOND}, 3),
  WATERMARK FOR told AS CASE WHEN {_EVENT} - {_RECEIVED} > {LEAD} THEN CAST(NULL AS TIMESTAMP_LTZ(3))
    ELSE TO_TIMESTAMP_LTZ((COALESCE(`time`, {_EVENT}) - {WATERMARK_DELAY}) / {MILLISECOND}, 3) END
) WITH ({{options}})"""

TERMS = f"""\
CREATE TEMPORARY VIEW terms AS
SELECT *, MAX(CASE WHEN `type` = 'heartbeat' THEN `epoch` END) {_IN_ARRIVAL} AS term
FROM messages"""

# A batch of a publisher that was succeeded is void; a heartbeat goes on without a tick, for its time.
UNPACKED = f"""\
CREATE TEMPORARY VIEW unpacked AS
SELECT `partition`, `offset`, arrived, `source`, `venue`, `licence`,
  CASE WHEN `type` = 'heartbeat' AND `epoch` >= COALESCE(term, 0) THEN `time` END AS beat,
  COALESCE(k.s, `symbol`) AS s, COALESCE(k.q, `sequence`) AS q,
  COALESCE(k.t, `event_time`) AS t, COALESCE(k.r, `received_time`) AS r,
  COALESCE(k.p, {_SCALED.format("`price`")}) AS p, COALESCE(k.z, {_SCALED.format("`size`")}) AS z
FROM terms LEFT JOIN UNNEST(terms.`ticks`) AS k (s, q, t, r, p, z) ON TRUE
WHERE `type` <> 'ticks' OR COALESCE(`epoch`, 0) >= COALESCE(term, 0)"""

JUDGED = f"""\
CREATE TEMPORARY VIEW judged AS
SELECT *, t - r > {LEAD} AS ahead,
  MAX(CASE WHEN t IS NULL THEN beat WHEN t - r <= {LEAD} THEN t END) {_IN_ARRIVAL} AS latest
FROM unpacked"""

# The first of each number: later ones are duplicates, whatever they say.
TICKS = f"""\
SELECT `partition`, `offset`, `source`, `venue`, `licence`, s, q, t, r, p, z,
  CASE WHEN ahead THEN 'ahead'
    WHEN t - MOD(t, {SECOND}) + {SECOND} <= latest - {LATENESS} THEN 'late' END AS refused
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY `source`, s, q ORDER BY arrived) AS nth
  FROM judged WHERE t IS NOT NULL
) WHERE nth = 1"""

HAPPENED = f"TO_TIMESTAMP_LTZ(t / {MILLISECOND}, 3)"

# Event time, source's name, sequence, price: as text they are in the order in which first and last go.
_KEYED = (
    "LPAD(CAST(t AS STRING), 19, '0') || `source` || U&'\\0000'"
    " || LPAD(CAST(q AS STRING), 19, '0') || LPAD(CAST(p AS STRING), 20, ' ')"
)
_TICK = {"price": "p", "size": "z", "price * size": "CAST(p AS DECIMAL(19, 0)) * CAST(z AS DECIMAL(19, 0))"}
_FOLDS = {
    Fold.FIRST: ("MIN({})", "BIGINT"),
    Fold.LAST: ("MAX({})", "BIGINT"),
    Fold.HIGHEST: ("MAX({})", "BIGINT"),
    Fold.LOWEST: ("MIN({})", "BIGINT"),
    Fold.SUM: ("SUM({})", "DECIMAL(38, 0)"),
    Fold.COUNT: ("SUM({})", "BIGINT"),
}
_ENDS = (Fold.FIRST, Fold.LAST)


def _of_tick(column: Column) -> str:
    """What a tick gives to a column."""
    if column.fold in _ENDS:
        return _KEYED
    if column.fold is Fold.COUNT:
        return "CAST(1 AS BIGINT)"
    value = _TICK[column.of]
    return f"CAST({value} AS DECIMAL(38, 0))" if column.fold is Fold.SUM else value


def _folded() -> list[str]:
    """Views of the intervals' bars, each folded from the one before."""
    columns = [(f"`{column.name}`", _FOLDS[column.fold], _of_tick(column)) for column in COLUMNS]
    entering = ",\n  ".join(f"{of} AS {name}" for name, _, of in columns)
    views = [
        "CREATE TEMPORARY VIEW entering AS\n"
        f"SELECT s, happened,\n  {entering}\nFROM ticks WHERE refused IS NULL"
    ]
    for interval in INTERVALS:
        table, time = ("entering", "happened") if interval.of is None else (f"bars_{interval.of}", "ended")
        folds = ",\n  ".join(
            f"CAST({fold.format(name)} AS {'STRING' if of == _KEYED else kind}) AS {name}"
            for name, (fold, kind), of in columns
        )
        views.append(
            f"CREATE TEMPORARY VIEW bars_{interval.name} AS\n"
            f"SELECT s, window_start AS opened, window_end AS closed, window_time AS ended,\n  {folds}\n"
            f"FROM TUMBLE(TABLE {table}, DESCRIPTOR({time}),"
            f" INTERVAL '{interval.length // SECOND}' SECOND(5))\n"
            "GROUP BY s, window_start, window_end, window_time"
        )
    return views


def _bars() -> str:
    """All bars with numbers in place of keys; times in nanoseconds."""
    ends = {column.name for column in COLUMNS if column.fold in _ENDS}
    sums = {column.name for column in COLUMNS if column.fold is Fold.SUM}

    def plain(name: str) -> str:
        if name in ends:
            return f"CAST(TRIM(RIGHT(`{name}`, 20)) AS BIGINT) AS `{name}`"
        return f"CAST(`{name}` AS STRING) AS `{name}`" if name in sums else f"`{name}`"

    columns = ", ".join(plain(column.name) for column in COLUMNS)
    instant = "{0} * " + str(SECOND)
    epoch = "UNIX_TIMESTAMP(DATE_FORMAT({}, 'yyyy-MM-dd HH:mm:ss'))"
    start, end = (instant.format(epoch.format(name)) for name in ("opened", "closed"))
    return "\nUNION ALL\n".join(
        f"SELECT s AS `symbol`, '{interval.name}' AS `interval`,\n  {start} AS `start`, {end} AS `end`,\n"
        f"  {columns}\nFROM bars_{interval.name}"
        for interval in INTERVALS
    )


SINKS = {
    "bars": """\
CREATE TABLE bar_messages (
  `type` STRING, `symbol` STRING, `interval` STRING, `start` BIGINT, `end` BIGINT,
  `open` STRING, `high` STRING, `low` STRING, `close` STRING, `volume` STRING, `ticks` BIGINT, `vwap` STRING,
  `revision` BIGINT
) WITH ({options})""",
    "indicators": """\
CREATE TABLE indicator_messages (
  `type` STRING, `symbol` STRING, `interval` STRING, `time` BIGINT, `values` MAP<STRING, DOUBLE>
) WITH ({options})""",
    "letters": """\
CREATE TABLE letters (
  `type` STRING, `topic` STRING, `partition` INT, `offset` BIGINT, `group` STRING, `reason` STRING,
  `error` STRING, `attempts` INT, `time` BIGINT, `key` STRING, `value` STRING, `headers` MAP<STRING, STRING>
) WITH ({options})""",
}


def _decimal(number: str, digits: int) -> str:
    """An integer, times the scale, as text of a decimal number with all its places."""
    return f"CAST(CAST({number} AS DECIMAL({digits}, 0)) * CAST(0.00000001 AS DECIMAL(9, 8)) AS STRING)"


_PRICED = ", ".join(_decimal(f"`{name}`", 19) for name in ("open", "high", "low", "close"))
# Rounded to a whole number, halves up: twice the notional and the volume, by twice the volume, cut downwards.
_OVER, _UNDER = "(2 * n + v)", "(2 * v)"
_REST = f"MOD({_OVER}, {_UNDER})"
_CUT = f"(({_OVER} - {_REST}) / {_UNDER} - CASE WHEN {_REST} < 0 THEN 1 ELSE 0 END)"
WRITE_BARS = f"""\
INSERT INTO bar_messages
SELECT 'bar', `symbol`, `interval`, `start`, `end`, {_PRICED},
  {_decimal("v", 28)}, `ticks`,
  CASE WHEN v > 0 THEN {_decimal(_CUT, 19)} END, CAST(0 AS BIGINT)
FROM (
  SELECT *, CAST(`volume` AS DECIMAL(38, 0)) AS v, CAST(`notional` AS DECIMAL(38, 0)) AS n FROM bars
)"""
WRITE_INDICATORS = """\
INSERT INTO indicator_messages
SELECT 'indicator', `symbol`, `interval`, `time`, `values` FROM indicators"""
_AS_IT_WAS = (
    "JSON_OBJECT('type' VALUE 'ticks', 'source' VALUE `source`, 'venue' VALUE `venue`,"
    " 'licence' VALUE `licence`, 'ticks' VALUE JSON_ARRAY(JSON_OBJECT("
    + ", ".join(f"'{name}' VALUE {name}" for name in "sqtrpz")
    + ")))"
)
WRITE_LETTERS = f"""\
INSERT INTO letters
SELECT 'dead-letter', 'market.ticks', `partition`, `offset`, 'flink', refused,
  CASE refused WHEN 'late'
    THEN 'late: its second was closed: more than {LATENESS // SECOND} s behind the latest of its partition'
    ELSE 'ahead: it happened more than {LEAD // SECOND} s after it was received' END,
  1, UNIX_TIMESTAMP() * {SECOND}, CAST(NULL AS STRING), TO_BASE64({_AS_IT_WAS}), MAP['by', 'flink']
FROM ticks WHERE refused IS NOT NULL"""

_JSON = {"value.format": "json", "value.json.encode.ignore-null-fields": "true"}
_BY_SYMBOL = {"key.format": "raw", "key.fields": "symbol"}
_WRITTEN = {
    "sink.delivery-guarantee": "at-least-once",
    "properties.compression.type": "lz4",
    "properties.linger.ms": "5",
    "properties.acks": "all",
}
OPTIONS = {
    "bars": {"topic": "market.bars", **_BY_SYMBOL, **_JSON, **_WRITTEN},
    "indicators": {"topic": "market.indicators", **_BY_SYMBOL, **_JSON, **_WRITTEN},
    "letters": {"topic": "dlq", **_JSON, **_WRITTEN},
}
TICKS_OPTIONS = {
    "topic": "market.ticks",
    "properties.group.id": "flink",
    "properties.commit.offsets.on.checkpoint": "true",
    # What the group has committed counts only where there is no snapshot to go on from.
    "scan.startup.mode": "group-offsets",
    "properties.auto.offset.reset": "earliest",
    "value.format": "json",
    "value.json.ignore-parse-errors": "true",
}


_SAYS = '"""Made by services/flink/generate.py of stream/definitions.py; not changed by hand."""'


def text() -> str:
    """The module, as it must stand in the job."""
    formulas = [
        (one.name, one.kind.value, list(one.windows), one.warm_up, list(one.factors)) for one in INDICATORS
    ]
    values: dict[str, object] = {
        "DEFINITIONS": fingerprint(),
        "SCALE": SCALE,
        "REMEMBERED": REMEMBERED,
        "IDLE": IDLE,
        "TICKS_OPTIONS": TICKS_OPTIONS,
        "SINK_OPTIONS": OPTIONS,
        "SOURCE": [MESSAGES, TERMS, UNPACKED, JUDGED],
        "TICKS": TICKS,
        "HAPPENED": HAPPENED,
        "VIEWS": _folded(),
        "BARS": _bars(),
        "SINKS": SINKS,
        "WRITES": [WRITE_BARS, WRITE_INDICATORS, WRITE_LETTERS],
        "FORMULAS": formulas,
    }
    written = "\n".join(f"{name} = {_written(value)}" for name, value in values.items())
    return f"{_SAYS}\n\n{written}\n"


def _written(value: object) -> str:
    """A value in Python's words: text of several lines stays so."""
    if isinstance(value, str):
        return f'"""\\\n{value}"""'.replace("\\0000", "\\\\0000") if "\n" in value else repr(value)
    if isinstance(value, dict):
        return "{\n" + "".join(f"    {key!r}: {_written(each)},\n" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + "".join(f"    {_written(each)},\n" for each in value) + "]"
    return repr(value)


def main() -> int:
    """Writes, or checks, the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="say whether it is as it must be")
    check = parser.parse_args().check
    wanted = text()
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == wanted:
        return 0
    if check:
        sys.stderr.write(
            "error: services/flink/job/bars/statements.py is not what stream/definitions.py says;"
            " run .venv-services/bin/python services/flink/generate.py\n"
        )
        return 1
    TARGET.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
