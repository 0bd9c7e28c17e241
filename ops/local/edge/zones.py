"""Route 53 as CloudFront asks it: from the name of an origin to the address of a load balancer.

Routing policies: simple, latency (by distance, which is what latency measures where no network is), weighted
and failover. When every record is unhealthy all of them count as healthy, as in Route 53.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stacks.regions import REGIONS, Location, nearest

MAX_DEPTH = 8


class UnresolvedError(LookupError):
    """A name that leads nowhere; the message says why."""


@dataclass(frozen=True)
class Record:
    """An A or CNAME record set. `alias` is a DNS name; `values` are addresses or one name."""

    name: str
    alias: str = ""
    values: tuple[str, ...] = ()
    evaluate: bool = False
    check: str = ""
    region: str = ""
    weight: int | None = None
    failover: str = ""


@dataclass(frozen=True)
class BalancerPlace:
    """Where a load balancer listens; `healthy` is what EvaluateTargetHealth asks for."""

    region: str
    name: str
    address: str
    healthy: bool


@dataclass(frozen=True)
class Endpoint:
    """An address, and the region it is in (empty for a plain A record).

    `port` other than 0 replaces the origin's; `prefix` comes before its path.
    """

    address: str
    region: str
    port: int = 0
    prefix: str = ""


@dataclass(frozen=True)
class World:
    """All that a resolution depends on. `down` are the ids of failing health checks."""

    records: Mapping[str, Sequence[Record]] = field(default_factory=dict)
    balancers: Mapping[str, BalancerPlace] = field(default_factory=dict)
    down: frozenset[str] = frozenset()

    def knows(self, name: str) -> bool:
        """True when a zone has a record of this name."""
        return canonical(name) in self.records

    def resolve(self, name: str, viewer: Location, depth: int = 0) -> Endpoint:
        """The endpoint that `name` stands for, to a viewer there. Raises UnresolvedError."""
        if depth == MAX_DEPTH:
            raise UnresolvedError(f"{name} is the end of a loop of aliases")
        records = self.records.get(canonical(name), ())
        if not records:
            raise UnresolvedError(f"no Route 53 record {name}")
        record = self._choose(records, viewer, depth)
        if not record.alias:
            value = record.values[0] if record.values else ""
            numeric = value.replace(".", "").isdigit()
            return Endpoint(value, record.region) if numeric else self.resolve(value, viewer, depth + 1)
        balancer = self.balancers.get(canonical(record.alias))
        if balancer is not None:
            return Endpoint(balancer.address, balancer.region)
        if self.knows(record.alias):
            return self.resolve(record.alias, viewer, depth + 1)
        raise UnresolvedError(f"{name} is an alias of {canonical(record.alias)}, where no load balancer runs")

    def is_healthy(self, record: Record, depth: int = 0) -> bool:
        """True unless the record's check fails, or what it evaluates is not healthy."""
        if record.check in self.down:
            return False
        if not (record.alias and record.evaluate) or depth == MAX_DEPTH:
            return True
        balancer = self.balancers.get(canonical(record.alias))
        if balancer is not None:
            return balancer.healthy
        return any(
            self.is_healthy(other, depth + 1) for other in self.records.get(canonical(record.alias), ())
        )

    def _choose(self, records: Sequence[Record], viewer: Location, depth: int) -> Record:
        usable = [record for record in records if self.is_healthy(record, depth)] or list(records)
        if usable[0].failover:
            return min(usable, key=lambda record: record.failover)  # PRIMARY sorts before SECONDARY
        if usable[0].weight is not None:
            weights = [record.weight or 0 for record in usable]
            even = None if not any(weights) else weights
            return random.choices(usable, even)[0]  # noqa: S311 - spreads load, guards nothing
        by_region = {record.region: record for record in usable if record.region in REGIONS}
        return by_region[nearest(viewer, by_region)] if by_region else usable[0]


def canonical(name: str) -> str:
    """A DNS name in one spelling: lower case, no final dot, no `dualstack.` that aliases to ELB carry."""
    return name.lower().rstrip(".").removeprefix("dualstack.")
