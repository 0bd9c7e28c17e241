"""Each region has what the stacks want to make there.

Without an account: CloudFormation's registry of each region, as the pinned cfn-lint carries it, and a
committed table of features. With one: whether the account may use the region, and AWS's own list of services.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from ops.preflight.quota_table import Source
from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site
from stacks.yaml_file import ROOT, Frozen, load

FEATURES = ROOT / "ops" / "preflight" / "features.yaml"
_ELSEWHERE = "take the region out of environments/{name}.yaml, or leave off what needs it"
#: AWS's public parameters: a service is under its own id, and under it each region that has it.
_SERVICES = "/aws/service/global-infrastructure/services"
_BATCH = 10

#: Services to look up, as CloudFormation's types call them; AWS's list has them in small letters.
LISTED = frozenset(
    {
        "APS",
        "Athena",
        "Backup",
        "ECS",
        "ElastiCache",
        "Glue",
        "GuardDuty",
        "Lambda",
        "RDS",
        "SecretsManager",
        "SecurityHub",
    }
)


class Feature(Frozen):
    """A feature with the regions that have it."""

    title: str
    source: str
    regions: list[str]


class Features(Frozen):
    """The whole table."""

    sources: dict[str, Source]
    features: dict[str, Feature]


@cache
def features() -> Features:
    """Raises ConfigurationError where the file does not fit."""
    return load(FEATURES, Features)


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """A result for each region that has everything, and one for each thing that a region lacks."""
    closed = _closed(site) if site.account else set()
    absent = _absent(site) if site.account else {}
    mend = _ELSEWHERE.format(name=site.environment.name)
    for region in site.regions:
        if region in closed:
            enable = f"aws account enable-region --region-name {region}"
            yield report.failed("the account has not enabled the region", enable, region)
            continue
        missing = [*_unknown_types(site, region), *_unlisted_features(site, region), *absent.get(region, [])]
        for each in missing:
            yield report.failed(f"the region lacks {each}", mend, region)
        if not missing:
            yield report.ok(f"the region has all {len(_types(site, region))} resource types", region)


def _types(site: Site, region: str) -> set[str]:
    """Types of AWS that the stacks of a region hold."""
    return {
        resource["Type"]
        for stack in site.stacks.values()
        if stack.region == region
        for resource in stack.resources.values()
        if resource["Type"].startswith("AWS::")
    }


def _unknown_types(site: Site, region: str) -> list[str]:
    known = set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region))
    return sorted(_types(site, region) - known)


def _unlisted_features(site: Site, region: str) -> Iterator[str]:
    members = any(site.resources("AWS::ElastiCache::GlobalReplicationGroup", region)) or any(
        "GlobalReplicationGroupId" in group.properties
        for group in site.resources("AWS::ElastiCache::ReplicationGroup", region)
    )
    feature = features().features["global-datastore"]
    if members and region not in feature.regions:
        yield feature.title


def _closed(site: Site) -> set[str]:
    """Regions that the account has to opt into and has not."""
    found = site.client("ec2", site.environment.home_region).describe_regions(
        RegionNames=site.regions, AllRegions=True
    )["Regions"]
    return {each["RegionName"] for each in found if each.get("OptInStatus") == "not-opted-in"}


def _absent(site: Site) -> dict[str, list[str]]:
    """Services that AWS itself does not list in a region; one whose id it does not know is passed over."""
    ssm = site.client("ssm", site.environment.home_region)
    used = {region: _services(site, region) for region in site.regions}
    ids = sorted(set().union(*used.values()))
    listed = _present(ssm, [f"{_SERVICES}/{each}" for each in ids])
    pairs = [(region, each) for region in site.regions for each in sorted(used[region])]
    known = [pair for pair in pairs if f"{_SERVICES}/{pair[1]}" in listed]
    there = _present(ssm, [_place(*pair) for pair in known])
    found: dict[str, list[str]] = {}
    for region, each in known:
        if _place(region, each) not in there:
            found.setdefault(region, []).append(f"the service {each}")
    return found


def _services(site: Site, region: str) -> set[str]:
    """AWS's ids of the listed services that a region's stacks use."""
    return {kind.split("::")[1].lower() for kind in _types(site, region) if kind.split("::")[1] in LISTED}


def _place(region: str, service: str) -> str:
    return f"{_SERVICES}/{service}/regions/{region}"


def _present(ssm: Any, names: list[str]) -> set[str]:
    """Those of the parameters that exist."""
    return {
        parameter["Name"]
        for start in range(0, len(names), _BATCH)
        for parameter in ssm.get_parameters(Names=names[start : start + _BATCH])["Parameters"]
    }
