"""What one reconciler has to say after a pass, and what every reconciler can do."""

from dataclasses import dataclass
from typing import Protocol

from ops.local.state import CacheState, DatabaseState, ProcessState, ServiceState, StreamState


@dataclass(frozen=True)
class Report:
    """The part of the published state that one reconciler answers for."""

    processes: tuple[ProcessState, ...] = ()
    services: tuple[ServiceState, ...] = ()
    databases: tuple[DatabaseState, ...] = ()
    caches: tuple[CacheState, ...] = ()
    streams: tuple[StreamState, ...] = ()


class Reconciler(Protocol):
    """Reads what is deployed and makes processes match it."""

    name: str

    def reconcile(self) -> Report:
        """One pass. An exception is logged and the next pass comes as usual."""

    def stop(self) -> None:
        """End every process it started."""
