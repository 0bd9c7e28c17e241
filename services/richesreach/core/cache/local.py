"""L1: the process's own memory, bounded in entries and bytes; what was used longest ago goes first."""

from collections import OrderedDict
from collections.abc import Callable, Iterable

from richesreach.core.cache.codec import Entry

MAX_ENTRIES = 20_000
MAX_BYTES = 32 * 1024 * 1024
# What an entry takes besides its payload and key, roughly.
_OVERHEAD = 300


class LocalCache:
    """Encoded entries: every reader decodes its own value, so that none can change another's."""

    def __init__(self, *, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self.bytes = 0
        # Counts what was dropped: a value read before it moved may be older than what dropped it.
        self.epoch = 0
        self._doubted = 0
        self._entries: OrderedDict[str, tuple[Entry, float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str, now: float) -> Entry | None:
        """The entry, unless it was put until before `now` (Unix seconds), or is in doubt."""
        found = self._entries.get(key)
        if found is None or found[1] <= now or found[2] < self._doubted:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def last(self, key: str) -> Entry | None:
        """The entry, however old: better than nothing where its source fails."""
        found = self._entries.get(key)
        return found[0] if found is not None else None

    def put(self, key: str, entry: Entry, until: float, *, epoch: int) -> None:
        """Keep `entry`, unless something was dropped since `epoch`."""
        if epoch != self.epoch:
            return
        self._remove(key)
        if _size(key, entry) > self.max_bytes:
            return
        self._entries[key] = (entry, until, epoch)
        self.bytes += _size(key, entry)
        while len(self._entries) > self.max_entries or self.bytes > self.max_bytes:
            self._remove(next(iter(self._entries)))

    def drop(self, keys: Iterable[str]) -> None:
        self.epoch += 1
        for key in keys:
            self._remove(key)

    def drop_where(self, matches: Callable[[str], bool]) -> None:
        self.drop([key for key in self._entries if matches(key)])

    def doubt(self) -> None:
        """Take none of the entries for fresh any more."""
        self.epoch += 1
        self._doubted = self.epoch

    def _remove(self, key: str) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self.bytes -= _size(key, found[0])


def _size(key: str, entry: Entry) -> int:
    return len(key) + len(entry.payload) + _OVERHEAD
