"""The record of one run: a line of JSON for each thing that happened, here and where others see it."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.deploy.store import Event, Store
from ops.errors import OperationError

#: What ends a run; one without is unfinished.
ENDS = frozenset({"finished", "abandoned"})


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Record:
    """Written whole after each event: S3 appends nothing, and a record is small. Threads may share it."""

    def __init__(self, store: Store, run: str, folder: Path, earlier: Sequence[Event]) -> None:
        self.store = store
        self.run = run
        self.file = folder / "run.jsonl"
        self.events: list[Event] = list(earlier)
        self._lock = threading.Lock()

    def say(self, event: str, **facts: Any) -> None:
        """Adds a line.

        Raises:
            OperationError: this machine or S3 does not take it.
        """
        with self._lock:
            self.events.append({"at": now(), "run": self.run, "event": event, **facts})
            self._write()

    def _write(self) -> None:
        body = "".join(json.dumps(event) + "\n" for event in self.events)
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(body, encoding="utf-8")
        except OSError as error:
            raise OperationError(f"{self.file} cannot be written: {error.strerror}") from None
        self.store.write(self.run, body)


def ended(events: Sequence[Event]) -> bool:
    return any(event.get("event") in ENDS for event in events)


def fact(events: Sequence[Event], event: str, name: str) -> Any:
    """A fact of the last event of a kind; None where there was none."""
    found = [each for each in events if each.get("event") == event]
    return found[-1].get(name) if found else None


def outcomes(events: Sequence[Event], event: str) -> list[Mapping[str, Any]]:
    """Every event of a kind, in their order."""
    return [each for each in events if each.get("event") == event]


def unbaked(events: Sequence[Event]) -> str:
    """Region of the last wave where it was deployed and its bake was not seen through."""
    done = outcomes(events, "wave-deployed")
    return str(done[-1]["region"]) if len(done) > len(outcomes(events, "wave-baked")) else ""
