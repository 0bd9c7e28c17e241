"""Reads invalidations from the local CloudFront and carries each of them out once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ops.local.aws import client
from ops.local.edge.cache import Cache
from ops.local.edge.log import log

HOME = "us-east-1"


@dataclass(frozen=True)
class Invalidation:
    """`paths` as the API takes them: with or without `*` at the end."""

    id: str
    distribution: str
    paths: tuple[str, ...]


class Invalidations:
    """Asks for invalidations, each in full once, and applies them to a cache."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._known: dict[str, Invalidation] = {}
        self._done: set[str] = set()

    def read(self, distributions: Iterable[str]) -> Mapping[str, Invalidation]:
        """All invalidations by id. Raises what boto3 raises."""
        api = client("cloudfront", HOME)
        found: dict[str, Invalidation] = {}
        for distribution in distributions:
            listed = api.list_invalidations(DistributionId=distribution)["InvalidationList"]
            for summary in listed.get("Items") or ():
                known = self._known.get(summary["Id"])
                if known is None:
                    full = api.get_invalidation(DistributionId=distribution, Id=summary["Id"])
                    paths = full["Invalidation"]["InvalidationBatch"]["Paths"].get("Items") or ()
                    known = Invalidation(summary["Id"], distribution, tuple(paths))
                found[summary["Id"]] = known
        self._known = found
        return found

    def carry_out(self, invalidations: Mapping[str, Invalidation]) -> None:
        """Forget what the new ones name. Those of before the start find an empty cache."""
        for invalidation in invalidations.values():
            if invalidation.id in self._done:
                continue
            for path in invalidation.paths:
                gone = self._cache.invalidate(invalidation.distribution, path)
                log("invalidated", id=invalidation.id, path=path, objects=gone)
        self._done = set(invalidations)
