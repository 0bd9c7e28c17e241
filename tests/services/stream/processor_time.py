"""What each process of a bench has used of the processors, and how long it had to wait for one (Linux)."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

_SECOND = 1_000_000_000


def spent(processes: Mapping[str, int]) -> dict[str, tuple[float, float]]:
    """Seconds of running, and of waiting while it could have run, of all threads there are, by name."""
    found = {}
    for name, process in processes.items():
        running = waiting = 0
        for thread in Path(f"/proc/{process}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                ran, waited, _ = map(int, (thread / "schedstat").read_text().split())
                running, waiting = running + ran, waiting + waited
        found[name] = (running / _SECOND, waiting / _SECOND)
    return found


def shares(
    before: Mapping[str, tuple[float, float]], after: Mapping[str, tuple[float, float]], seconds: float
) -> dict[str, dict[str, float]]:
    """`cpu` and `waited` of each process as parts of one processor over so many seconds of the clock."""
    return {
        name: {
            what: round((after[name][place] - before[name][place]) / seconds, 3)
            for place, what in enumerate(("cpu", "waited"))
        }
        for name in before
    }
