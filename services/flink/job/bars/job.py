"""The job: tables and statements of `statements.py`, with the indicators' step between two of them.

On the service its properties are in a file that the service writes; a test names another one.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext, StreamExecutionEnvironment
from pyflink.datastream.state import ValueStateDescriptor
from pyflink.table import Schema, StreamTableEnvironment

from bars import statements
from bars.indicators import EMPTY, Formula, State, closed, step

# Where the service puts the properties of the application ("Access runtime properties", developer guide).
PROPERTIES = Path("/etc/flink/application_properties.json")
GROUP = "stream"

_IAM = {
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "AWS_MSK_IAM",
    "sasl.jaas.config": "software.amazon.msk.auth.iam.IAMLoginModule required;",
    "sasl.client.callback.handler.class": "software.amazon.msk.auth.iam.IAMClientCallbackHandler",
}
_FORMULAS = tuple(Formula(*formula) for formula in statements.FORMULAS)
_INDICATOR = Types.ROW_NAMED(
    ["symbol", "interval", "time", "values"],
    [Types.STRING(), Types.STRING(), Types.LONG(), Types.MAP(Types.STRING(), Types.DOUBLE())],
)


class Indicators(KeyedProcessFunction):
    """The indicators of each bar; bars of one symbol and interval come in the order of their ends."""

    def __init__(self) -> None:
        self._state: Any = None

    def open(self, runtime_context: RuntimeContext) -> None:
        described = ValueStateDescriptor("bars", Types.PICKLED_BYTE_ARRAY())
        self._state = runtime_context.get_state(described)

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        kept = self._state.value()
        state = EMPTY if kept is None else State(*kept)
        bar = closed(value["close"], int(value["volume"]), int(value["notional"]), statements.SCALE)
        state, values = step(state, bar, _FORMULAS)
        self._state.update(tuple(state))
        if values:
            yield Row(value["symbol"], value["interval"], value["end"], values)


def main() -> None:
    """Run the job; without an argument the properties are those of the service."""
    properties = properties_of(Path(sys.argv[1]) if len(sys.argv) > 1 else PROPERTIES)
    environment = StreamExecutionEnvironment.get_execution_environment()
    if "parallelism" in properties:
        environment.set_parallelism(int(properties["parallelism"]))
    for jar in filter(None, properties.get("jars", "").split(",")):
        environment.add_jars(f"file://{jar}")
    build(StreamTableEnvironment.create(environment), properties)
    environment.execute("bars")


def properties_of(file: Path) -> Mapping[str, str]:
    """The job's own group of properties."""
    groups = json.loads(file.read_text(encoding="utf-8"))
    found: Mapping[str, str] = next(g["PropertyMap"] for g in groups if g["PropertyGroupId"] == GROUP)
    return found


def build(tables: StreamTableEnvironment, properties: Mapping[str, str]) -> None:
    """All tables and streams, up to what is written."""
    tables.get_config().set_local_timezone("UTC")
    tables.get_config().set("table.exec.source.idle-timeout", statements.IDLE)
    for statement in statements.SOURCE:
        tables.execute_sql(statement.format(options=_options(properties, statements.TICKS_OPTIONS)))
    for name, table in statements.SINKS.items():
        tables.execute_sql(table.format(options=_options(properties, statements.SINK_OPTIONS[name])))
    # Numbers of ticks are remembered for a while; what follows is remembered for good.
    tables.get_config().set("table.exec.state.ttl", statements.REMEMBERED)
    ticks = tables.to_data_stream(tables.sql_query(statements.TICKS))
    tables.get_config().set("table.exec.state.ttl", "0 ms")
    happened = (
        Schema.new_builder()
        .column_by_expression("happened", statements.HAPPENED)
        .watermark("happened", "SOURCE_WATERMARK()")
        .build()
    )
    tables.create_temporary_view("ticks", tables.from_data_stream(ticks, happened))
    for view in statements.VIEWS:
        tables.execute_sql(view)
    bars = tables.to_data_stream(tables.sql_query(statements.BARS))
    tables.create_temporary_view("bars", tables.from_data_stream(bars))
    values = bars.key_by(lambda bar: f"{bar['symbol']} {bar['interval']}").process(Indicators(), _INDICATOR)
    tables.create_temporary_view("indicators", tables.from_data_stream(values))
    writes = tables.create_statement_set()
    for write in statements.WRITES:
        writes.add_insert_sql(write)
    writes.attach_as_datastream()


def _options(properties: Mapping[str, str], options: Mapping[str, str]) -> str:
    """Options of a table, as SQL has them."""
    given = {"connector": "kafka", "properties.bootstrap.servers": properties["brokers"], **options}
    if properties["security"] == "iam":
        given |= {f"properties.{name}": value for name, value in _IAM.items()}
    if "properties.group.id" in options:
        given["properties.group.id"] = properties["group"]
        given |= json.loads(properties.get("scan", "{}"))
    return ", ".join(f"'{name}' = '{value}'" for name, value in given.items())
