"""Kinds of data, and how long each may be kept where."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from richesreach.core.cache.codec import Format


@dataclass(frozen=True, slots=True)
class Kind:
    """All times in seconds.

    A value is fresh for `ttl`, which callers may choose between `shortest` and `longest`. For `stale` more
    it is given where its source fails. That the source has no value is remembered for `negative`. A process
    keeps a value for `local` at most before it asks the servers again; 0 leaves its own memory out.
    """

    name: str
    ttl: int
    shortest: int
    longest: int
    stale: int
    negative: int = 10
    local: float = 5.0
    format: Format = Format.JSON

    def lasting(self, ttl: int) -> "Kind":
        """This kind with another time to live. Raises ValueError outside its tier."""
        if not self.shortest <= ttl <= self.longest:
            raise ValueError(f"{self.name} live {self.shortest} to {self.longest} s, not {ttl}")
        return replace(self, ttl=ttl)


PRICES = Kind("prices", ttl=60, shortest=60, longest=300, stale=300, local=1.0)
FEATURES = Kind("features", ttl=300, shortest=300, longest=900, stale=900)
REGIME = Kind("regime", ttl=300, shortest=300, longest=900, stale=900)
PREDICTIONS = Kind("predictions", ttl=60, shortest=60, longest=600, stale=300)
METRICS = Kind("metrics", ttl=3600, shortest=3600, longest=3600, stale=86_400, local=30.0)
ESG = Kind("esg", ttl=3600, shortest=3600, longest=3600, stale=86_400, local=30.0)
STATIC = Kind("static", ttl=86_400, shortest=86_400, longest=86_400, stale=604_800, local=60.0)

KINDS: Mapping[str, Kind] = {
    kind.name: kind for kind in (PRICES, FEATURES, REGIME, PREDICTIONS, METRICS, ESG, STATIC)
}


def kind_of(key: str) -> str:
    """The kind that a key begins with; `other` for none of the known ones, so that labels stay few."""
    name = key.partition(":")[0]
    return name if name in KINDS else "other"
