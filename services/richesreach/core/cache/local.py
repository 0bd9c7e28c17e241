"""L1: the process's own memory, bounded in entries and bytes; what was used longest ago goes first."""

from collections import OrderedDict
from collections.abc import Callable, Iterable

from richesreach.core.cache.codec import Entry

MAX_ENTRIES = 20_000
MAX_BYTES = 32 * 1024 * 1024
# Drops are counted by share of the keys: one of any other share discards nothing that is on its way.
_SHARES = 4096
# What an entry takes besides its payload and key, roughly.
_OVERHEAD = 300


class LocalCache:
    """Encoded entries: every reader decodes its own value, so that none can change another's."""

    def __init__(self, *, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self.bytes = 0
        self._drops = [0] * _SHARES
        self._sweeps = 0
        self._doubts = 0
        self._entries: OrderedDict[str, tuple[Entry, float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def epoch(self, key: str) -> int:
        """Grows with what was dropped: a value read before it grew may be older than what dropped it."""
        return self._drops[hash(key) % _SHARES] + self._sweeps

    def get(self, key: str, now: float) -> Entry | None:
        """The entry, unless it was put until before `now` (Unix seconds), or is in doubt."""
        found = self._entries.get(key)
        if found is None or found[1] <= now or found[2] < self._doubts:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def last(self, key: str) -> Entry | None:
        """The entry, however old: better than nothing where its source fails."""
        found = self._entries.get(key)
        return found[0] if found is not None else None

    def put(self, key: str, entry: Entry, until: float, *, epoch: int) -> None:
        """Keep `entry`, unless its key was dropped since `epoch`."""
        if epoch != self.epoch(key):
            return
        self._remove(key)
        if _size(key, entry) > self.max_bytes:
            return
        self._entries[key] = (entry, until, self._doubts)
        self.bytes += _size(key, entry)
        while len(self._entries) > self.max_entries or self.bytes > self.max_bytes:
            self._remove(next(iter(self._entries)))

    def drop(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._drops[hash(key) % _SHARES] += 1
            self._remove(key)

    def drop_where(self, matches: Callable[[str], bool]) -> None:
        self._sweeps += 1
        for key in [key for key in self._entries if matches(key)]:
            self._remove(key)

    def doubt(self) -> None:
        """Take none of the entries for fresh any more."""
        self._sweeps += 1
        self._doubts += 1

    def _remove(self, key: str) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self.bytes -= _size(key, found[0])


def _size(key: str, entry: Entry) -> int:
    return len(key) + len(entry.payload) + _OVERHEAD
