"""The Feast registry: the service's own views and tables, made of `catalogue.json` and of nothing else.

Runs in `.venv-feast`. The service itself needs no Feast: it reads the same tables.
"""

import json
from datetime import timedelta
from pathlib import Path

from feast import Entity, FeatureView, Field, ValueType
from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import PostgreSQLSource
from feast.types import Float64

CATALOGUE = json.loads((Path(__file__).parent / "catalogue.json").read_text(encoding="utf-8"))

ENTITIES = {
    name: Entity(name=name, join_keys=[name], value_type=ValueType.STRING)
    for name in dict.fromkeys(view["entity"] for view in CATALOGUE)
}


def feature_view(view: dict) -> FeatureView:  # type: ignore[type-arg]  # as JSON has it
    """A view over its table, whose `event_timestamp` is never before the exact time of its row."""
    return FeatureView(
        name=view["name"],
        description=view["meaning"],
        entities=[ENTITIES[view["entity"]]],
        ttl=timedelta(seconds=view["ttl_seconds"]),
        schema=[
            Field(name=one["name"], dtype=Float64, description=one["meaning"], tags={"unit": one["unit"]})
            for one in view["features"]
        ],
        source=PostgreSQLSource(
            name=view["name"],
            table=view["name"],
            timestamp_field="event_timestamp",
            created_timestamp_column="created",
        ),
        tags={"live": str(view["live"]).lower(), "layout": view["layout"]},
        online=True,
    )


FEATURE_VIEWS = [feature_view(view) for view in CATALOGUE]
