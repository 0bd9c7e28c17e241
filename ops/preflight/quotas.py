"""What an environment needs against what the account may have, by region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import ClientError

from ops.preflight.needs import needed
from ops.preflight.quota_table import HOME, Quota, table
from ops.preflight.result import EVERYWHERE, Reporter, Result
from ops.preflight.site import Site

#: Answers of Service Quotas that leave the default to go by: it knows no such quota, or the local AWS no such
#: service.
_NO_ANSWER = frozenset({"NoSuchResourceException", "400"})
#: How many of the tightest are named where all hold.
_NAMED = 3


@dataclass(frozen=True)
class Row:
    """``others`` is what the account has already beside the environment."""

    quota: Quota
    need: float | None
    allowed: float
    whence: str
    others: int = 0

    @property
    def share(self) -> float:
        return ((self.need or 0) + self.others) / self.allowed if self.allowed else float("inf")

    @property
    def holds(self) -> bool:
        return (self.need or 0) + self.others <= self.allowed

    def __str__(self) -> str:
        more = f" beside {self.others} of others" if self.others else ""
        return f"{self.quota.title}: {self.need:g}{more} of {self.allowed:g}"


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """Each quota that does not hold, by region, and the tightest of those that do."""
    for region in (*site.regions, None):
        rows = [
            _row(site, name, quota, region)
            for name, quota in table().quotas.items()
            if (quota.scope == "global") == (region is None)
        ]
        scope = region or EVERYWHERE
        for row in rows:
            if row.need is None:
                yield report.unknown(
                    f"{row.quota.title}: a prefix list of unknown weight",
                    "add its weight, with a source, to ops/preflight/quotas.yaml",
                    scope,
                )
            elif row.need and not row.holds:
                yield report.failed(f"{row} ({row.whence})", _mend(site, row, scope), scope)
        held = sorted((row for row in rows if row.need and row.holds), key=lambda row: -row.share)
        if held:
            tightest = "; ".join(f"{row} ({row.whence})" for row in held[:_NAMED])
            yield report.ok(f"{len(held)} hold, tightest {tightest}", scope)


def _row(site: Site, name: str, quota: Quota, region: str | None) -> Row:
    need = needed(site, name, region)
    allowed, whence = _allowed(site, name, quota, region or HOME) if need else (quota.default, "default")
    others = _others(site, name, region) if need and region and site.account else 0
    return Row(quota, need, allowed, whence, others)


def _allowed(site: Site, name: str, quota: Quota, region: str) -> tuple[float, str]:
    if site.account and quota.service and quota.code:
        try:
            found = site.client("service-quotas", region).get_service_quota(
                ServiceCode=quota.service, QuotaCode=quota.code
            )
            return float(found["Quota"]["Value"]), "the account's quota"
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NO_ANSWER:
                raise
    if name == "fargate-vcpus":
        return site.environment.services.capacity.fargate_vcpus, "services.capacity.fargate_vcpus"
    return quota.default, "default"


def _others(site: Site, name: str, region: str) -> int:
    """What others in the account take of the two quotas that are small."""
    ec2 = site.client("ec2", region)
    if name == "vpcs":
        own = site.deployed_ids("AWS::EC2::VPC", region)
        pages = ec2.get_paginator("describe_vpcs").paginate()
        return sum(1 for page in pages for each in page["Vpcs"] if each["VpcId"] not in own)
    if name == "elastic-ips":
        own = site.deployed_ids("AWS::EC2::EIP", region)
        found = ec2.describe_addresses()["Addresses"]
        return sum(1 for each in found if not own & {each.get("PublicIp"), each.get("AllocationId")})
    return 0


def _mend(site: Site, row: Row, scope: str) -> str:
    if row.whence.startswith("services."):
        return f"ask for more, then raise {row.whence} in environments/{site.environment.name}.yaml"
    if row.quota.service and row.quota.code:
        wanted = (row.need or 0) + row.others
        region = HOME if scope == EVERYWHERE else scope
        return (
            f"aws service-quotas request-service-quota-increase --region {region} --service-code"
            f" {row.quota.service} --quota-code {row.quota.code} --desired-value {wanted:g}"
        )
    return "ask AWS support for more, or take less"
