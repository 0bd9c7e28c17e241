"""Configuration of databases and caches."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, model_validator

from stacks.yaml_file import Frozen


class DatabaseSettings(Frozen):
    """Aurora PostgreSQL, serverless v2. Capacities in ACU; an instance more than one is a reader."""

    engine_version: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    instances: Annotated[int, Field(ge=1, le=16)]
    min_capacity: Annotated[float, Field(ge=0, le=256)]
    max_capacity: Annotated[float, Field(ge=1, le=256)]
    backup_days: Annotated[int, Field(ge=1, le=35)]
    tls: bool
    port: Annotated[int, Field(ge=1150, le=65535)]

    @model_validator(mode="after")
    def _capacities(self) -> DatabaseSettings:
        if self.min_capacity > self.max_capacity:
            raise ValueError(
                f"min_capacity {self.min_capacity} exceeds max_capacity {self.max_capacity}; order them"
            )
        return self


class CacheSettings(Frozen):
    """Valkey: each region's own group, and the Global Datastore. No burstable nodes: a Global Datastore
    refuses them, and a regional group that becomes one later must not be replaced for it."""

    node_type: Annotated[str, Field(pattern=r"^cache\.[a-z]+\d\w*\.\w+$")]
    engine_version: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    nodes: Annotated[int, Field(ge=2, le=6)]
    tls: bool
    port: Annotated[int, Field(ge=1024, le=65535)]
    snapshot_days: Annotated[int, Field(ge=0, le=35)]

    @model_validator(mode="after")
    def _not_burstable(self) -> CacheSettings:
        if re.match(r"^cache\.t\d", self.node_type):
            raise ValueError(
                f"node_type {self.node_type} is burstable; a Global Datastore needs e.g. cache.r7g.large"
            )
        return self
