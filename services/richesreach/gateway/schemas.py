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
