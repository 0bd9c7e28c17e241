"""What the gateway takes and answers."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

# Postgres holds every character but NUL.
Message = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class NewBeacon(BaseModel):
    model_config = ConfigDict(extra="forbid")

    message: Message


class WritingDatabase(BaseModel):
    """The server that took the write."""

    address: str
    role: Literal["writer", "reader"]


class ReadingDatabase(WritingDatabase):
    """The server that was read. Its lag is the age of the last transaction that it replayed, so it grows
    while nothing is written; a writer has none."""

    replication_lag_ms: float | None


class WrittenBeacon(BaseModel):
    id: UUID
    message: str
    written_in: str
    written_at: datetime
    database: WritingDatabase


class ReadBeacon(BaseModel):
    id: UUID
    message: str
    written_in: str
    written_at: datetime
    read_in: str
    database: ReadingDatabase


class Integrations(BaseModel):
    total_configured: int
    total_available: int


class Configuration(BaseModel):
    environment: str
    features: dict[str, bool]
    api_integrations: Integrations


class ServicesStatus(BaseModel):
    status: Literal["healthy", "degraded", "down"]
    region: str
    services: dict[str, dict[str, Any]]
    providers: dict[str, Literal["enabled", "disabled"]]


class ProcessMemory(BaseModel):
    """What this one process keeps. While it does not hear invalidations, it keeps nothing beyond a second."""

    entries: int
    bytes: int
    hears_invalidations: bool


class CacheStatus(BaseModel):
    """Counts are of this process, since its start."""

    status: Literal["healthy", "degraded", "down"]
    nodes: list[dict[str, Any]]
    hit_ratio: float
    hits: int
    misses: int
    reads: dict[str, dict[str, int]]
    process: ProcessMemory
    ttl_seconds: dict[str, int]


DataKind = Literal["esg", "features", "metrics", "predictions", "prices", "regime", "static"]


class ClearCache(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kinds: list[DataKind] = []


class ClearedCache(BaseModel):
    """`everywhere` is false when the cache's servers could not be told: only this process dropped what it
    had.
    """

    kinds: list[str]
    everywhere: bool
    region: str


class RateLimitTier(BaseModel):
    limit: int
    window_seconds: int
    burst: int


class RateLimitStatus(BaseModel):
    """`counted` over the tasks of the region, or by this process alone while the cache does not answer."""

    enabled: bool
    counted: Literal["region", "process"]
    tier: str
    limit: int
    window_seconds: int
    burst: int
    remaining: int
    reset_seconds: float
    tiers: dict[str, RateLimitTier]
