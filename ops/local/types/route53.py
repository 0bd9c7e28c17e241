"""Route 53: health checks, and record sets that can change in place; both through the API."""

from __future__ import annotations

import uuid
from typing import Any

import jmespath  # type: ignore[import-untyped]
from ministack.services import route53

from ops.local.types import api
from ops.local.types.registry import Properties, Provisioned, ResourceType, replace
from ops.local.types.shapes import arguments
from ops.local.types.through_api import ThroughApi

_NO_DNS = "that a resolver answers with it: the local edge reads the records itself"
_IDENTITY = ("Name", "Type", "SetIdentifier", "HostedZoneId", "HostedZoneName")


def install() -> None:
    """Regions and flags of a health check, which the server loses on their way in."""
    shipped = route53._parse_health_check_config

    def parse(element: Any) -> dict[str, Any]:
        made = dict(shipped(element))
        for name, member in (("Regions", "Region"), ("ChildHealthChecks", "ChildHealthCheck")):
            if name in made:
                made[name] = [each.text for each in route53._findall(route53._find(element, name), member)]
        # Written out with str(), so a Python True would read back as "True", which no SDK takes for true.
        return {key: str(value).lower() if isinstance(value, bool) else value for key, value in made.items()}

    route53._parse_health_check_config = parse


def types() -> list[ResourceType]:
    """Every Route 53 type of this package."""
    return [
        ThroughApi(
            "AWS::Route53::HealthCheck",
            "route53",
            "CreateHealthCheck",
            "HealthCheck.Id",
            "DeleteHealthCheck",
            lambda pid, _: {"HealthCheckId": pid},
            attributes={"HealthCheckId": "HealthCheck.Id"},
            adapt=lambda p: {**p, "CallerReference": str(uuid.uuid4())},
            cannot_prove="that anything is checked: health is what the local platform observes",
        ).resource(),
        _record_set(),
    ]


def _record_set() -> ResourceType:
    def create(_logical_id: str, properties: Properties, _stack: str) -> Provisioned:
        _change("CREATE", properties)
        return _name(properties), {"Name": _name(properties)}

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        if any(old.get(key) != new.get(key) for key in _IDENTITY):
            created = replace(resource, pid, old, new, stack, logical_id)
            if created[0] == pid:
                # Another type or set of the same name has the same physical id.
                _change("DELETE", old)
            return created
        _change("UPSERT", new)
        return _name(new), {"Name": _name(new)}

    def delete(_physical_id: str, properties: Properties) -> None:
        zone = _zone(properties)
        wanted = (_name(properties) + ".", properties["Type"], properties.get("SetIdentifier"))
        held = api.call("route53", "ListResourceRecordSets", HostedZoneId=zone)["ResourceRecordSets"]
        if any((each["Name"], each["Type"], each.get("SetIdentifier")) == wanted for each in held):
            _change("DELETE", properties)

    resource = ResourceType(
        "AWS::Route53::RecordSet",
        "real",
        "keeps Region, SetIdentifier, HealthCheckId and the alias; changes in place",
        _NO_DNS,
        create,
        update,
        delete,
    )
    return resource


def _name(properties: Properties) -> str:
    return str(properties["Name"]).rstrip(".")


def _zone(properties: Properties) -> str:
    """The zone's id. Raises ValueError when the template names a zone that does not exist."""
    if properties.get("HostedZoneId"):
        return str(properties["HostedZoneId"])
    wanted = str(properties.get("HostedZoneName", "")).rstrip(".") + "."
    zones = api.call("route53", "ListHostedZones")["HostedZones"]
    found = jmespath.search("[?Name == $wanted].Id | [0]".replace("$wanted", f"'{wanted}'"), zones)
    if not found:
        raise ValueError(f"no hosted zone named {wanted}: deploy the zone first or mend HostedZoneName")
    return str(found)


def _change(action: str, properties: Properties) -> None:
    record: dict[str, Any] = {
        k: v for k, v in properties.items() if k not in ("HostedZoneId", "HostedZoneName")
    }
    if "ResourceRecords" in record:
        record["ResourceRecords"] = [{"Value": str(value)} for value in record["ResourceRecords"]]
    if "AliasTarget" in record:
        record["AliasTarget"] = {"EvaluateTargetHealth": False, **record["AliasTarget"]}
    given = {
        "HostedZoneId": _zone(properties),
        "ChangeBatch": {"Changes": [{"Action": action, "ResourceRecordSet": record}]},
    }
    api.call("route53", "ChangeResourceRecordSets", **arguments("route53", "ChangeResourceRecordSets", given))
