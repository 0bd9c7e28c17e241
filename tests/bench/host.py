"""What a virtual machine's host takes of the processors: two runs compare only where it took alike."""

from __future__ import annotations

from pathlib import Path

STAT = Path("/proc/stat")
_IDLE, _IOWAIT, _STEAL = 3, 4, 7


class Host:
    """Counts from where it is made."""

    def __init__(self, stat: Path = STAT) -> None:
        self._stat = stat
        self._began = self._read()

    def taken(self) -> float | None:
        """The share of the processor time asked for here that the host gave to others, from 0 to 1.

        None where the kernel does not say, and where nothing was asked for.
        """
        now = self._read()
        if self._began is None or now is None:
            return None
        stolen, asked = (later - earlier for earlier, later in zip(self._began, now, strict=True))
        return stolen / asked if asked > 0 else None

    def _read(self) -> tuple[int, int] | None:
        """Stolen, and asked for whether it was had or not, of all processors: proc_stat(5)."""
        try:
            # Time of guests, the last two, is part of the first two.
            times = [int(word) for word in self._stat.read_text().partition("\n")[0].split()[1:9]]
        except OSError:
            return None
        if len(times) <= _STEAL:
            return None
        return times[_STEAL], sum(times) - times[_IDLE] - times[_IOWAIT]
