"""Reads zones and health checks from the local Route 53, and the load balancers' places from their files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.local import paths
from ops.local.aws import client
from ops.local.edge.zones import BalancerPlace, Record, canonical

HOME = "us-east-1"


@dataclass(frozen=True)
class HealthCheckConfig:
    """A Route 53 health check; `interval` in seconds, `kind` as the API names it."""

    id: str
    kind: str
    host: str
    address: str
    port: int
    path: str
    text: str
    interval: float
    threshold: int
    inverted: bool
    disabled: bool


@dataclass(frozen=True)
class Dns:
    """All records by canonical name, and all health checks by id."""

    records: Mapping[str, tuple[Record, ...]]
    checks: Mapping[str, HealthCheckConfig]


def _record(described: Mapping[str, Any]) -> Record:
    alias = described.get("AliasTarget") or {}
    return Record(
        name=canonical(described["Name"]),
        alias=alias.get("DNSName", ""),
        values=tuple(value["Value"] for value in described.get("ResourceRecords", ())),
        evaluate=bool(alias.get("EvaluateTargetHealth", False)),
        check=described.get("HealthCheckId", ""),
        region=described.get("Region", ""),
        weight=described.get("Weight"),
        failover=described.get("Failover", ""),
    )


def _check(described: Mapping[str, Any]) -> HealthCheckConfig:
    config = described["HealthCheckConfig"]
    secure = str(config["Type"]).startswith("HTTPS")
    return HealthCheckConfig(
        id=described["Id"],
        kind=config["Type"],
        host=config.get("FullyQualifiedDomainName", ""),
        address=config.get("IPAddress", ""),
        port=int(config.get("Port", 443 if secure else 80)),
        path=config.get("ResourcePath") or "/",
        text=config.get("SearchString", ""),
        interval=float(config.get("RequestInterval", 30)),
        threshold=int(config.get("FailureThreshold", 3)),
        inverted=bool(config.get("Inverted", False)),
        disabled=bool(config.get("Disabled", False)),
    )


def read() -> Dns:
    """Every zone's A and CNAME records and every health check. Raises what boto3 raises."""
    route53 = client("route53", HOME)
    records: dict[str, list[Record]] = {}
    for page in route53.get_paginator("list_hosted_zones").paginate():
        for zone in page["HostedZones"]:
            sets = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone["Id"])
            for described in (record for part in sets for record in part["ResourceRecordSets"]):
                if described["Type"] in {"A", "CNAME"}:
                    record = _record(described)
                    records.setdefault(record.name, []).append(record)
    pages = route53.get_paginator("list_health_checks").paginate()
    checks = [_check(described) for page in pages for described in page["HealthChecks"]]
    return Dns({name: tuple(sets) for name, sets in records.items()}, {check.id: check for check in checks})


def _load(file: Path) -> dict[str, Any]:
    """A JSON file, or nothing while there is none."""
    try:
        loaded: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    return loaded


def _has_healthy_targets(region: str, name: str) -> bool:
    """ELB's health to Route 53: each group that has targets has a healthy one, and one has targets."""
    groups = [targets for targets in _load(paths.targets_file(region, name)).values() if targets]
    return bool(groups) and all(any(t["state"] == "healthy" for t in targets) for targets in groups)


def read_balancers() -> dict[str, BalancerPlace]:
    """Load balancers by the canonical DNS name that the API gave them."""
    return {
        canonical(dns_name): BalancerPlace(
            region=place["region"],
            name=place["name"],
            address=place["address"],
            healthy=_has_healthy_targets(place["region"], place["name"]),
        )
        for dns_name, place in _load(paths.LOAD_BALANCERS_FILE).items()
    }
