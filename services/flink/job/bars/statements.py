"""Made by services/flink/generate.py of stream/definitions.py; not changed by hand."""

DEFINITIONS = 'e8658eb3f68331b5ef1b472e670f364ef1cb04f3b961d43ce0d97eba8db60611'
SCALE = 100000000
REMEMBERED = '10 min'
IDLE = '30 s'
TICKS_OPTIONS = {
    'topic': 'market.ticks',
    'properties.group.id': 'flink',
    'properties.commit.offsets.on.checkpoint': 'true',
    'scan.startup.mode': 'group-offsets',
    'properties.auto.offset.reset': 'earliest',
    'value.format': 'json',
    'value.json.ignore-parse-errors': 'true',
}
SINK_OPTIONS = {
    'bars': {
    'topic': 'market.bars',
    'key.format': 'raw',
    'key.fields': 'symbol',
    'value.format': 'json',
    'value.json.encode.ignore-null-fields': 'true',
    'sink.delivery-guarantee': 'at-least-once',
    'properties.compression.type': 'lz4',
    'properties.linger.ms': '5',
    'properties.acks': 'all',
},
    'indicators': {
    'topic': 'market.indicators',
    'key.format': 'raw',
    'key.fields': 'symbol',
    'value.format': 'json',
    'value.json.encode.ignore-null-fields': 'true',
    'sink.delivery-guarantee': 'at-least-once',
    'properties.compression.type': 'lz4',
    'properties.linger.ms': '5',
    'properties.acks': 'all',
},
    'letters': {
    'topic': 'dlq',
    'value.format': 'json',
    'value.json.encode.ignore-null-fields': 'true',
    'sink.delivery-guarantee': 'at-least-once',
    'properties.compression.type': 'lz4',
    'properties.linger.ms': '5',
    'properties.acks': 'all',
},
}
SOURCE = [
    """\
CREATE TABLE messages (
  `type` STRING, `source` STRING, `venue` STRING, `licence` STRING, `epoch` BIGINT, `time` BIGINT,
  `ticks` ARRAY<ROW<s STRING, q BIGINT, t BIGINT, r BIGINT, p BIGINT, z BIGINT>>,
  `symbol` STRING, `price` STRING, `size` STRING,
  `event_time` BIGINT, `received_time` BIGINT, `sequence` BIGINT,
  `partition` INT METADATA VIRTUAL, `offset` BIGINT METADATA VIRTUAL,
  arrived AS PROCTIME(),
  told AS TO_TIMESTAMP_LTZ(COALESCE(`time`, COALESCE(`event_time`, `ticks`[CARDINALITY(`ticks`)].t)) / 1000000, 3),
  WATERMARK FOR told AS CASE WHEN COALESCE(`event_time`, `ticks`[CARDINALITY(`ticks`)].t) - COALESCE(`received_time`, `ticks`[CARDINALITY(`ticks`)].r) > 2000000000 THEN CAST(NULL AS TIMESTAMP_LTZ(3))
    ELSE TO_TIMESTAMP_LTZ((COALESCE(`time`, COALESCE(`event_time`, `ticks`[CARDINALITY(`ticks`)].t)) - 2001000000) / 1000000, 3) END
) WITH ({options})""",
    """\
CREATE TEMPORARY VIEW terms AS
SELECT *, MAX(CASE WHEN `type` = 'heartbeat' THEN `epoch` END) OVER (PARTITION BY `partition` ORDER BY arrived ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS term
FROM messages""",
    """\
CREATE TEMPORARY VIEW unpacked AS
SELECT `partition`, `offset`, arrived, `source`, `venue`, `licence`,
  CASE WHEN `type` = 'heartbeat' AND `epoch` >= COALESCE(term, 0) THEN `time` END AS beat,
  COALESCE(k.s, `symbol`) AS s, COALESCE(k.q, `sequence`) AS q,
  COALESCE(k.t, `event_time`) AS t, COALESCE(k.r, `received_time`) AS r,
  COALESCE(k.p, CAST(CAST(`price` AS DECIMAL(38, 8)) * 100000000 AS BIGINT)) AS p, COALESCE(k.z, CAST(CAST(`size` AS DECIMAL(38, 8)) * 100000000 AS BIGINT)) AS z
FROM terms LEFT JOIN UNNEST(terms.`ticks`) AS k (s, q, t, r, p, z) ON TRUE
WHERE `type` <> 'ticks' OR COALESCE(`epoch`, 0) >= COALESCE(term, 0)""",
    """\
CREATE TEMPORARY VIEW judged AS
SELECT *, t - r > 2000000000 AS ahead,
  MAX(CASE WHEN t IS NULL THEN beat WHEN t - r <= 2000000000 THEN t END) OVER (PARTITION BY `partition` ORDER BY arrived ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS latest
FROM unpacked""",
]
TICKS = """\
SELECT `partition`, `offset`, `source`, `venue`, `licence`, s, q, t, r, p, z,
  CASE WHEN ahead THEN 'ahead'
    WHEN t - MOD(t, 1000000000) + 1000000000 <= latest - 2000000000 THEN 'late' END AS refused
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY `source`, s, q ORDER BY arrived) AS nth
  FROM judged WHERE t IS NOT NULL
) WHERE nth = 1"""
HAPPENED = 'TO_TIMESTAMP_LTZ(t / 1000000, 3)'
VIEWS = [
    """\
CREATE TEMPORARY VIEW entering AS
SELECT s, happened,
  LPAD(CAST(t AS STRING), 19, '0') || `source` || U&'\\0000' || LPAD(CAST(q AS STRING), 19, '0') || LPAD(CAST(p AS STRING), 20, ' ') AS `open`,
  p AS `high`,
  p AS `low`,
  LPAD(CAST(t AS STRING), 19, '0') || `source` || U&'\\0000' || LPAD(CAST(q AS STRING), 19, '0') || LPAD(CAST(p AS STRING), 20, ' ') AS `close`,
  CAST(z AS DECIMAL(38, 0)) AS `volume`,
  CAST(CAST(p AS DECIMAL(19, 0)) * CAST(z AS DECIMAL(19, 0)) AS DECIMAL(38, 0)) AS `notional`,
  CAST(1 AS BIGINT) AS `ticks`
FROM ticks WHERE refused IS NULL""",
    """\
CREATE TEMPORARY VIEW bars_1s AS
SELECT s, window_start AS opened, window_end AS closed, window_time AS ended,
  CAST(MIN(`open`) AS STRING) AS `open`,
  CAST(MAX(`high`) AS BIGINT) AS `high`,
  CAST(MIN(`low`) AS BIGINT) AS `low`,
  CAST(MAX(`close`) AS STRING) AS `close`,
  CAST(SUM(`volume`) AS DECIMAL(38, 0)) AS `volume`,
  CAST(SUM(`notional`) AS DECIMAL(38, 0)) AS `notional`,
  CAST(SUM(`ticks`) AS BIGINT) AS `ticks`
FROM TUMBLE(TABLE entering, DESCRIPTOR(happened), INTERVAL '1' SECOND(5))
GROUP BY s, window_start, window_end, window_time""",
    """\
CREATE TEMPORARY VIEW bars_1m AS
SELECT s, window_start AS opened, window_end AS closed, window_time AS ended,
  CAST(MIN(`open`) AS STRING) AS `open`,
  CAST(MAX(`high`) AS BIGINT) AS `high`,
  CAST(MIN(`low`) AS BIGINT) AS `low`,
  CAST(MAX(`close`) AS STRING) AS `close`,
  CAST(SUM(`volume`) AS DECIMAL(38, 0)) AS `volume`,
  CAST(SUM(`notional`) AS DECIMAL(38, 0)) AS `notional`,
  CAST(SUM(`ticks`) AS BIGINT) AS `ticks`
FROM TUMBLE(TABLE bars_1s, DESCRIPTOR(ended), INTERVAL '60' SECOND(5))
GROUP BY s, window_start, window_end, window_time""",
    """\
CREATE TEMPORARY VIEW bars_5m AS
SELECT s, window_start AS opened, window_end AS closed, window_time AS ended,
  CAST(MIN(`open`) AS STRING) AS `open`,
  CAST(MAX(`high`) AS BIGINT) AS `high`,
  CAST(MIN(`low`) AS BIGINT) AS `low`,
  CAST(MAX(`close`) AS STRING) AS `close`,
  CAST(SUM(`volume`) AS DECIMAL(38, 0)) AS `volume`,
  CAST(SUM(`notional`) AS DECIMAL(38, 0)) AS `notional`,
  CAST(SUM(`ticks`) AS BIGINT) AS `ticks`
FROM TUMBLE(TABLE bars_1m, DESCRIPTOR(ended), INTERVAL '300' SECOND(5))
GROUP BY s, window_start, window_end, window_time""",
    """\
CREATE TEMPORARY VIEW bars_1h AS
SELECT s, window_start AS opened, window_end AS closed, window_time AS ended,
  CAST(MIN(`open`) AS STRING) AS `open`,
  CAST(MAX(`high`) AS BIGINT) AS `high`,
  CAST(MIN(`low`) AS BIGINT) AS `low`,
  CAST(MAX(`close`) AS STRING) AS `close`,
  CAST(SUM(`volume`) AS DECIMAL(38, 0)) AS `volume`,
  CAST(SUM(`notional`) AS DECIMAL(38, 0)) AS `notional`,
  CAST(SUM(`ticks`) AS BIGINT) AS `ticks`
FROM TUMBLE(TABLE bars_5m, DESCRIPTOR(ended), INTERVAL '3600' SECOND(5))
GROUP BY s, window_start, window_end, window_time""",
]
BARS = """\
SELECT s AS `symbol`, '1s' AS `interval`,
  UNIX_TIMESTAMP(DATE_FORMAT(opened, 'yyyy-MM-dd HH:mm:ss')) * 1000000000 AS `start`, UNIX_TIMESTAMP(DATE_FORMAT(closed, 'yyyy-MM-dd HH:mm:ss')) * 1000000000 AS `end`,
  CAST(TRIM(RIGHT(`open`, 20)) AS BIGINT) AS `open`, `high`, `low`, CAST(TRIM(RIGHT(`close`, 20)) AS BIGINT) AS `close`, CAST(`volume` AS STRING) AS `volume`, CAST(`notional` AS STRING) AS `notional`, `ticks`
FROM bars_1s
UNION ALL
SELECT s AS `symbol`, '1m' AS `interval`,
  UNIX_TIMESTAMP(DATE_FORMAT(opened, 'yyyy-MM-dd HH:mm:ss')) * 1000000000 AS `start`, UNIX_TIMESTAMP(DATE_FORMAT(closed, 'yyyy-MM-dd HH:mm:ss')) * 1000000000 AS `end`,
  CAST(TRIM(RIGHT(`open`, 20)) AS BIGINT) AS `open`, `high`, `low`, CAST(TRIM(RIGHT(`close`, 20)) AS BIGINT) AS `close`, CAST(`volume` AS STRING) AS `volume`, CAST(`notional` AS STRING) AS `notional`, `ticks`
FROM bars_1m
UNION ALL
SELECT s AS `symbol`, '5m' AS `interval`,
  UNIX_TIMESTAMP(DATE_FORMAT(opened, 'yyyy-MM-dd HH:mm:ss')) * 1000000000 AS `start`, UNIX_TIMESTAMP(DATE_FORMAT(closed, 'yyyy-MM-dd HH:mm:ss')) * 1000000000 AS `end`,
  CAST(TRIM(RIGHT(`open`, 20)) AS BIGINT) AS `open`, `high`, `low`, CAST(TRIM(RIGHT(`close`, 20)) AS BIGINT) AS `close`, CAST(`volume` AS STRING) AS `volume`, CAST(`notional` AS STRING) AS `notional`, `ticks`
FROM bars_5m
UNION ALL
SELECT s AS `symbol`, '1h' AS `interval`,
  UNIX_TIMESTAMP(DATE_FORMAT(opened, 'yyyy-MM-dd HH:mm:ss')) * 1000000000 AS `start`, UNIX_TIMESTAMP(DATE_FORMAT(closed, 'yyyy-MM-dd HH:mm:ss')) * 1000000000 AS `end`,
  CAST(TRIM(RIGHT(`open`, 20)) AS BIGINT) AS `open`, `high`, `low`, CAST(TRIM(RIGHT(`close`, 20)) AS BIGINT) AS `close`, CAST(`volume` AS STRING) AS `volume`, CAST(`notional` AS STRING) AS `notional`, `ticks`
FROM bars_1h"""
SINKS = {
    'bars': """\
CREATE TABLE bar_messages (
  `type` STRING, `symbol` STRING, `interval` STRING, `start` BIGINT, `end` BIGINT,
  `open` STRING, `high` STRING, `low` STRING, `close` STRING, `volume` STRING, `ticks` BIGINT, `vwap` STRING,
  `revision` BIGINT
) WITH ({options})""",
    'indicators': """\
CREATE TABLE indicator_messages (
  `type` STRING, `symbol` STRING, `interval` STRING, `time` BIGINT, `values` MAP<STRING, DOUBLE>
) WITH ({options})""",
    'letters': """\
CREATE TABLE letters (
  `type` STRING, `topic` STRING, `partition` INT, `offset` BIGINT, `group` STRING, `reason` STRING,
  `error` STRING, `attempts` INT, `time` BIGINT, `key` STRING, `value` STRING, `headers` MAP<STRING, STRING>
) WITH ({options})""",
}
WRITES = [
    """\
INSERT INTO bar_messages
SELECT 'bar', `symbol`, `interval`, `start`, `end`, CAST(CAST(`open` AS DECIMAL(19, 0)) * CAST(0.00000001 AS DECIMAL(9, 8)) AS STRING), CAST(CAST(`high` AS DECIMAL(19, 0)) * CAST(0.00000001 AS DECIMAL(9, 8)) AS STRING), CAST(CAST(`low` AS DECIMAL(19, 0)) * CAST(0.00000001 AS DECIMAL(9, 8)) AS STRING), CAST(CAST(`close` AS DECIMAL(19, 0)) * CAST(0.00000001 AS DECIMAL(9, 8)) AS STRING),
  CAST(CAST(v AS DECIMAL(28, 0)) * CAST(0.00000001 AS DECIMAL(9, 8)) AS STRING), `ticks`,
  CASE WHEN v > 0 THEN CAST(CAST((((2 * n + v) - MOD((2 * n + v), (2 * v))) / (2 * v) - CASE WHEN MOD((2 * n + v), (2 * v)) < 0 THEN 1 ELSE 0 END) AS DECIMAL(19, 0)) * CAST(0.00000001 AS DECIMAL(9, 8)) AS STRING) END, CAST(0 AS BIGINT)
FROM (
  SELECT *, CAST(`volume` AS DECIMAL(38, 0)) AS v, CAST(`notional` AS DECIMAL(38, 0)) AS n FROM bars
)""",
    """\
INSERT INTO indicator_messages
SELECT 'indicator', `symbol`, `interval`, `time`, `values` FROM indicators""",
    """\
INSERT INTO letters
SELECT 'dead-letter', 'market.ticks', `partition`, `offset`, 'flink', refused,
  CASE refused WHEN 'late'
    THEN 'late: its second was closed: more than 2 s behind the latest of its partition'
    ELSE 'ahead: it happened more than 2 s after it was received' END,
  1, UNIX_TIMESTAMP() * 1000000000, CAST(NULL AS STRING), TO_BASE64(JSON_OBJECT('type' VALUE 'ticks', 'source' VALUE `source`, 'venue' VALUE `venue`, 'licence' VALUE `licence`, 'ticks' VALUE JSON_ARRAY(JSON_OBJECT('s' VALUE s, 'q' VALUE q, 't' VALUE t, 'r' VALUE r, 'p' VALUE p, 'z' VALUE z)))), MAP['by', 'flink']
FROM ticks WHERE refused IS NOT NULL""",
]
FORMULAS = [
    ('sma_20', 'sma', [20], 20, []),
    ('sma_50', 'sma', [50], 50, []),
    ('ema_12', 'ema', [12], 12, []),
    ('ema_26', 'ema', [26], 26, []),
    ('rsi_14', 'rsi', [14], 15, []),
    ('macd', 'macd', [12, 26, 9], 34, []),
    ('macd_signal', 'macd_signal', [12, 26, 9], 34, []),
    ('macd_histogram', 'macd_histogram', [12, 26, 9], 34, []),
    ('bollinger_upper', 'bollinger_upper', [20], 20, [2.0]),
    ('bollinger_middle', 'bollinger_middle', [20], 20, []),
    ('bollinger_lower', 'bollinger_lower', [20], 20, [2.0]),
    ('vwap_20', 'vwap', [20], 20, []),
    ('realised_volatility_20', 'realised_volatility', [20], 21, []),
    ('regime', 'regime', [20, 50, 10, 50], 51, [1.75, 1.0]),
]
