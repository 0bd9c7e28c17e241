"""Feast's side, run by `.venv-feast`: answers one line of JSON for each line that it is told.

{"do": "open", "store": "redis" | "postgres", ...where}    a store with the six views
{"do": "write", "symbols": [...], "values": [[...]]}        50 features a symbol, of the two live views
{"do": "read", "symbols": [...], "times": 20}               microseconds of each read, processor time of one
{"do": "join", "rows": [[symbol, seconds], ...]}            features as of a time, by its offline store
"""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3] / "services" / "feast"))

import feast
import pandas as pd
from feast import FeatureStore, RepoConfig
from repository import CATALOGUE, ENTITIES, FEATURE_VIEWS

LIVE = [view for view in CATALOGUE if view["live"]]
NAMES = [f"{view['name']}:{one['name']}" for view in LIVE for one in view["features"]]


class Probe:
    def __init__(self) -> None:
        self.store: Any = None

    def open(self, told: dict[str, Any]) -> dict[str, Any]:
        where = {"host": told["host"], "port": told["port"], "database": told["database"]}
        login = {**where, "user": told["user"], "password": told["password"], "sslmode": "disable"}
        url = "postgresql+psycopg://{user}:{password}@{host}:{port}/{database}".format(**login)
        online = {"type": "postgres", "db_schema": "feast_online", **login}
        if told["store"] == "redis":
            online = {"type": "redis", "connection_string": told["redis"]}
        config = RepoConfig(
            project="richesreach",
            provider="local",
            registry={"registry_type": "sql", "path": url, "cache_ttl_seconds": 3600},
            offline_store={"type": "postgres", **login},
            online_store=online,
            entity_key_serialization_version=3,
        )
        self.store = FeatureStore(config=config)
        self.store.apply([*ENTITIES.values(), *FEATURE_VIEWS])
        found = [self.store.get_feature_view(view["name"]) for view in CATALOGUE]
        views = [
            {
                "name": view.name,
                "entity": view.entities[0],
                "ttl_seconds": int(view.ttl.total_seconds()),
                "features": [field.name for field in view.features],
                "table": view.batch_source.get_table_query_string(),
                "layout": view.tags["layout"],
            }
            for view in found
        ]
        return {"version": feast.__version__, "views": views}

    def write(self, told: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC)
        frame = pd.DataFrame(told["values"], columns=[name.partition(":")[2] for name in NAMES])
        frame = frame.assign(symbol=told["symbols"], event_timestamp=now, created=now)
        for view in LIVE:
            names = ["symbol", *(one["name"] for one in view["features"]), "event_timestamp", "created"]
            self.store.write_to_online_store(view["name"], df=frame[names])
        return {}

    def read(self, told: dict[str, Any]) -> dict[str, Any]:
        rows = [{"symbol": symbol} for symbol in told["symbols"]]
        took, answer, before = [], {}, time.process_time()
        for _ in range(told["times"]):
            started = time.perf_counter()
            answer = self.store.get_online_features(features=NAMES, entity_rows=rows).to_dict()
            took.append((time.perf_counter() - started) * 1e6)
        processor = (time.process_time() - before) / told["times"] * 1e6
        values = [[answer[name.partition(":")[2]][place] for name in NAMES] for place in range(len(rows))]
        return {"took": took, "processor": processor, "first": values[0], "last": values[-1]}

    def join(self, told: dict[str, Any]) -> dict[str, Any]:
        frame = pd.DataFrame(
            {
                "symbol": [symbol for symbol, _ in told["rows"]],
                "event_timestamp": [datetime.fromtimestamp(at, UTC) for _, at in told["rows"]],
            }
        )
        found = self.store.get_historical_features(entity_df=frame, features=told["features"]).to_df()
        found = found.sort_values(["symbol", "event_timestamp"])
        names = [name.partition(":")[2] for name in told["features"]]
        return {"values": found[names].astype(object).where(found[names].notna(), None).to_numpy().tolist()}


def main() -> None:
    probe = Probe()
    for line in sys.stdin:
        told = json.loads(line)
        print(json.dumps(getattr(probe, told.pop("do"))(told)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
