"""How far the partitions of one process are, as it tells over HTTP."""

from pydantic import BaseModel, Field

from richesreach.stream.held import Held


class PartitionStatus(BaseModel):
    """Times are Unix nanoseconds."""

    partition: int
    offset: int = Field(description="of the next message to be taken")
    snapshot_offset: int = Field(description="up to which a snapshot is kept")
    latest: int = Field(description="the latest event time; windows close two seconds behind it")
    symbols: int
    sources: list[str]
    missing: int = Field(description="numbers of ticks that never came")
    known: bool = Field(description="false until the topic has shown that it is the snapshot's")


def status_of(held: Held) -> PartitionStatus:
    """As of now."""
    state = held.state
    return PartitionStatus(
        partition=held.number,
        offset=state.offset,
        snapshot_offset=held.kept,
        latest=state.latest,
        symbols=len(state.reader.symbols),
        sources=list(state.reader.sources.names),
        missing=state.sequences.all_lost(),
        known=held.known,
    )
