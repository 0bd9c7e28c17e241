"""What the cache's reads found, by kind of data."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from richesreach.core.cache.kinds import kind_of


class Outcome(StrEnum):
    LOCAL = "local"  # found in the process's memory
    SHARED = "shared"  # found in the servers
    MISS = "miss"
    STALE = "stale"  # the source failed, and an old value was given


class Counts:
    """A read that finds nothing and gives an old value instead is a miss and a stale one."""

    def __init__(self) -> None:
        self._found: Counter[tuple[str, Outcome]] = Counter()
        self.hits = 0
        self.misses = 0

    def add(self, key: str, outcome: Outcome) -> None:
        self._found[kind_of(key), outcome] += 1
        if outcome is Outcome.MISS:
            self.misses += 1
        elif outcome is not Outcome.STALE:
            self.hits += 1

    @property
    def hit_ratio(self) -> float:
        total = self.hits + self.misses
        return self.hits / total if total else 0.0

    def by_kind(self) -> Mapping[tuple[str, Outcome], int]:
        return dict(self._found)
