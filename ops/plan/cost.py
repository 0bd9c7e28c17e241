"""What the resources of an environment cost a month before anything passes through them, by region.

Prices come from ``prices.yaml``; what has no price there is unknown, never guessed. Free allowances, credits,
savings plans and taxes are left out: they belong to an account, not to a template.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from ops.plan.assembly import Stack
from ops.plan.prices import Price, price, unit
from ops.plan.quantities import quantities

#: What a template does not say, and so is in no figure here.
NOT_COUNTED = (
    "traffic (NAT, load balancer units, endpoints, CloudFront, between zones and regions)",
    "requests (KMS, Secrets Manager, WAF, Lambda, Athena, DNS)",
    "storage (S3, Aurora, backups, logs, images)",
    "what is metered as it happens (logs and metrics taken in, Config, GuardDuty, Security Hub, sign-ins)",
    "capacity above the minimum or the desired count",
)


@dataclass(frozen=True)
class CostChange:
    """An item of a region's monthly bill. ``monthly`` values are USD, None where no price is known."""

    region: str
    item: str
    unit: str
    before: Decimal
    after: Decimal
    price: Price | None

    @property
    def monthly_before(self) -> Decimal | None:
        return None if self.price is None else self.before * self.price.usd

    @property
    def monthly_after(self) -> Decimal | None:
        return None if self.price is None else self.after * self.price.usd

    @property
    def delta(self) -> Decimal | None:
        return None if self.price is None else (self.after - self.before) * self.price.usd


def compare(before: Iterable[Stack], after: Iterable[Stack]) -> Iterator[CostChange]:
    """Every item that either side has, by region."""
    old, new = quantities(before), quantities(after)
    for region, item in sorted(old.keys() | new.keys()):
        yield CostChange(region, item, unit(item), old[region, item], new[region, item], price(item, region))
