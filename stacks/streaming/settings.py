"""Configuration of the stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from stacks.settings import LogDays
from stacks.streaming.flink_settings import FlinkSettings
from stacks.yaml_file import ROOT, Frozen, MisfitError

#: What the topics hold, by topic and version; the services' classes say the same, and a test compares them.
SCHEMAS = ROOT / "stacks" / "streaming" / "schemas"

#: Where messages go that no consumer could handle; who reads any topic may write it.
DEAD_LETTERS = "dlq"

#: What the job that makes bars and indicators reads and writes, wherever it runs.
JOB_READS, JOB_WRITES = ("market.ticks",), ("market.bars", "market.indicators")

#: Brokers listen here (port information, Amazon MSK developer guide).
PORTS = {"iam": 9098, "plaintext": 9092}


class TopicSettings(Frozen):
    """A partition is read by one member of a group at a time; partitions can be added and never removed."""

    partitions: Annotated[int, Field(ge=1, le=1000)]
    retention_hours: Annotated[int, Field(ge=1, le=8760)]


class StorageSettings(Frozen):
    """GiB of each broker: at birth, and up to where storage grows by itself. It never shrinks."""

    gib: Annotated[int, Field(ge=1, le=16384)]
    most_gib: Annotated[int, Field(ge=1, le=16384)]

    @model_validator(mode="after")
    def _order(self) -> StorageSettings:
        if self.gib > self.most_gib:
            raise ValueError(f"gib {self.gib} exceeds most_gib {self.most_gib}; order them")
        return self


class StreamingSettings(Frozen):
    """MSK with provisioned standard brokers. ``plaintext`` is for servers that are not MSK's."""

    kafka_version: Annotated[str, Field(pattern=r"^\d+\.\d+\.(\d+|x)(\.kraft)?$")]
    instance_type: Annotated[str, Field(pattern=r"^kafka\.[a-z]+\d\w*\.\w+$")]
    brokers_per_zone: Annotated[int, Field(ge=1, le=5)]
    replicas: Annotated[int, Field(ge=1, le=5)]
    replicas_in_sync: Annotated[int, Field(ge=1, le=5)]
    storage: StorageSettings
    security: Literal["iam", "plaintext"]
    monitoring: Literal["DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION"]
    open_monitoring: bool
    log_days: LogDays
    lag_messages: Annotated[int, Field(ge=1)]
    flink: FlinkSettings | None
    topics: Mapping[str, TopicSettings]

    @property
    def port(self) -> int:
        return PORTS[self.security]

    @property
    def job(self) -> Literal["flink", "operator"]:
        """What makes bars and indicators here: never both, for they write the same topics."""
        return "operator" if self.flink is None else "flink"

    @model_validator(mode="after")
    def _copies(self) -> StreamingSettings:
        if self.replicas_in_sync > self.replicas:
            raise ValueError(
                f"replicas_in_sync {self.replicas_in_sync} exceeds replicas {self.replicas}; order them"
            )
        return self

    @model_validator(mode="after")
    def _topics(self) -> StreamingSettings:
        known = {folder.name for folder in SCHEMAS.iterdir() if folder.is_dir()}
        for name in sorted(self.topics.keys() ^ known):
            if name in known:
                raise ValueError(f"topics lacks {name}, whose schema is committed; add it")
            raise ValueError(
                f"topics names {name}, which has no schema; run `make event-schemas`, or remove it"
            )
        return self

    def check(self, *, protect: bool, zones: Mapping[str, int]) -> None:
        """``zones`` are those of each region. Raises MisfitError where the settings do not fit them."""
        for region, number in zones.items():
            if protect and self.replicas > number * self.brokers_per_zone:
                raise MisfitError(
                    "streaming.replicas",
                    f"is {self.replicas}, and {region} has {number * self.brokers_per_zone} brokers",
                    "use fewer, or more brokers_per_zone",
                )
        if protect and self.replicas_in_sync >= self.replicas:
            raise MisfitError(
                "streaming.replicas_in_sync",
                "leaves no replica to lose: one broker less would stop all writes",
                f"use {self.replicas - 1}",
            )
        if protect and self.security == "plaintext":
            raise MisfitError(
                "streaming.security",
                "is plaintext: whoever reaches the network reads and writes everything",
                "set it to iam; plaintext is for servers that are not MSK's",
            )
