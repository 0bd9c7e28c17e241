"""Counts of what the edge answered, for `run/edge.json`."""

from collections import Counter
from collections.abc import Mapping
from typing import Any


class Statistics:
    """Answers by the first word of their x-cache."""

    def __init__(self) -> None:
        self._answers: Counter[str] = Counter()

    def count(self, cache: str) -> None:
        """Note one answer; `cache` is its x-cache."""
        self._answers[cache.partition(" ")[0]] += 1

    def report(self) -> Mapping[str, Any]:
        """Requests by outcome, and the share of cacheable ones that no origin was asked for whole."""
        hits = self._answers["Hit"] + self._answers["RefreshHit"]
        asked = hits + self._answers["Miss"]
        return {
            "requests": sum(self._answers.values()),
            "answers": dict(sorted(self._answers.items())),
            "hit_ratio": round(hits / asked, 4) if asked else None,
        }
