"""ElastiCache Global Datastore: its CloudFormation type and its API actions. The server has neither.

The control plane only: which replication group is primary. The reconciler reads it and promotes the real
server.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import elasticache

from ops.local.types.protocol import ActionError, answering
from ops.local.types.registry import Properties, Provisioned, ResourceType

# AWS prefixes the suffix that a template gives with five letters of its own, by region.
_PREFIX = "ldgnf"
_LOCK = threading.Lock()
_DATASTORES: dict[str, dict[str, Any]] = {}


def install() -> None:
    """Adds the API actions to the server's ElastiCache."""
    elasticache.handle_request = answering(
        "elasticache",
        {
            "CreateGlobalReplicationGroup": _create_action,
            "DescribeGlobalReplicationGroups": _describe_action,
            "FailoverGlobalReplicationGroup": _failover_action,
            "DisassociateGlobalReplicationGroup": _disassociate_action,
            "DeleteGlobalReplicationGroup": _delete_action,
        },
        otherwise=elasticache.handle_request,
    )


def resource() -> ResourceType:
    """AWS::ElastiCache::GlobalReplicationGroup."""
    return ResourceType(
        "AWS::ElastiCache::GlobalReplicationGroup",
        "real",
        "lists its members and their roles; describe, failover, disassociate and delete through the API",
        "replication between regions by AWS, and its lag",
        _create,
        _update,
        lambda physical_id, _properties: _forget(physical_id),
    )


def inherited(identifier: str, fields: Iterable[str]) -> dict[str, Any]:
    """What a secondary takes from the datastore's primary. Raises ValueError without such a datastore."""
    datastore = _DATASTORES.get(identifier)
    if datastore is None:
        raise ValueError(f"global replication group {identifier} not found: deploy the home region first")
    primary = _record(_primary(datastore))
    return {
        **{field: primary[field] for field in fields if primary.get(field) is not None},
        "NumNodeGroups": primary["_num_node_groups"],
    }


def join(identifier: str, group: str, region: str) -> None:
    """Adds a replication group as a secondary."""
    with _LOCK:
        _DATASTORES[identifier]["Members"].append(_member(group, region, "SECONDARY"))


def leave(group: str, region: str) -> None:
    """Removes a replication group that is deleted, from whichever datastore has it."""
    with _LOCK:
        for datastore in _DATASTORES.values():
            datastore["Members"] = [m for m in datastore["Members"] if not _is(m, group, region)]


def membership(group: str, region: str) -> tuple[str, str] | None:
    """(datastore id, PRIMARY | SECONDARY) of a replication group, or None."""
    for identifier, datastore in _DATASTORES.items():
        for member in datastore["Members"]:
            if _is(member, group, region):
                return identifier, str(member["Role"])
    return None


def _create(_logical_id: str, properties: Properties, _stack: str) -> Provisioned:
    suffix = str(properties.get("GlobalReplicationGroupIdSuffix") or "datastore")
    listed = properties.get("Members") or []
    primaries = [m for m in listed if str(m.get("Role", "PRIMARY")).upper() == "PRIMARY"]
    if len(primaries) != 1:
        raise ValueError(
            f"a global replication group has one PRIMARY member, {len(primaries)} given: mend Members"
        )
    identifier = _add(suffix, properties, primaries[0])
    for member in listed:
        if member is not primaries[0]:
            join(identifier, str(member["ReplicationGroupId"]), str(member["ReplicationGroupRegion"]))
    return identifier, _attributes(identifier)


def _update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
    # Roles are not taken from the template: after a failover they are the API's to say.
    del old, stack, logical_id
    _DATASTORES[pid]["GlobalReplicationGroupDescription"] = str(
        new.get("GlobalReplicationGroupDescription", "")
    )
    return pid, _attributes(pid)


def _attributes(identifier: str) -> dict[str, Any]:
    return {"GlobalReplicationGroupId": identifier, "Status": _DATASTORES[identifier]["Status"]}


def _add(suffix: str, properties: Properties, primary: Properties) -> str:
    identifier = f"{_PREFIX}-{suffix}"
    region = str(primary.get("ReplicationGroupRegion") or get_region())
    group = str(primary["ReplicationGroupId"]).lower()
    with request_scope(get_account_id(), region):
        if group not in elasticache._replication_groups:
            raise ValueError(
                f"replication group {group} not found in {region}: create it before its datastore"
            )
    with _LOCK:
        if identifier in _DATASTORES:
            raise ValueError(f"global replication group {identifier} exists already: choose another suffix")
        _DATASTORES[identifier] = {
            "GlobalReplicationGroupId": identifier,
            "GlobalReplicationGroupDescription": str(properties.get("GlobalReplicationGroupDescription", "")),
            "Status": "primary-only",
            "Members": [_member(group, region, "PRIMARY")],
        }
    return identifier


def _member(group: str, region: str, role: str) -> dict[str, Any]:
    return {
        "ReplicationGroupId": group,
        "ReplicationGroupRegion": region,
        "Role": role,
        "AutomaticFailover": "disabled",
        "Status": "associated",
    }


def _is(member: dict[str, Any], group: str, region: str) -> bool:
    return bool(member["ReplicationGroupId"] == group and member["ReplicationGroupRegion"] == region)


def _primary(datastore: dict[str, Any]) -> dict[str, Any]:
    return next(m for m in datastore["Members"] if m["Role"] == "PRIMARY")


def _record(member: dict[str, Any]) -> dict[str, Any]:
    with request_scope(get_account_id(), member["ReplicationGroupRegion"]):
        return dict(elasticache._replication_groups[member["ReplicationGroupId"]])


def _found(given: dict[str, Any]) -> dict[str, Any]:
    identifier = given.get("GlobalReplicationGroupId", "")
    if identifier not in _DATASTORES:
        raise ActionError(
            "GlobalReplicationGroupNotFoundFault", f"Global replication group {identifier} not found."
        )
    return _DATASTORES[identifier]


def _described(datastore: dict[str, Any], members: bool = True) -> dict[str, Any]:
    try:
        primary = _record(_primary(datastore))
    except (StopIteration, KeyError):
        primary = {}
    return {
        **{key: value for key, value in datastore.items() if key != "Members"},
        "Status": "available" if len(datastore["Members"]) > 1 else "primary-only",
        "Engine": primary.get("Engine"),
        "EngineVersion": primary.get("EngineVersion"),
        "CacheNodeType": primary.get("CacheNodeType"),
        "ClusterEnabled": primary.get("ClusterEnabled"),
        "AuthTokenEnabled": primary.get("AuthTokenEnabled"),
        "TransitEncryptionEnabled": primary.get("TransitEncryptionEnabled"),
        "AtRestEncryptionEnabled": primary.get("AtRestEncryptionEnabled"),
        "ARN": f"arn:aws:elasticache::{get_account_id()}:globalreplicationgroup:"
        + str(datastore["GlobalReplicationGroupId"]),
        **({"Members": datastore["Members"]} if members else {}),
    }


def _describe_action(given: dict[str, Any]) -> dict[str, Any]:
    found = [_found(given)] if given.get("GlobalReplicationGroupId") else list(_DATASTORES.values())
    # Without ShowMemberInfo AWS leaves the members out.
    shown = [_described(datastore, bool(given.get("ShowMemberInfo"))) for datastore in found]
    return {"GlobalReplicationGroups": shown}


def _create_action(given: dict[str, Any]) -> dict[str, Any]:
    primary = {
        "ReplicationGroupId": given.get("PrimaryReplicationGroupId", ""),
        "ReplicationGroupRegion": get_region(),
    }
    try:
        identifier = _add(str(given.get("GlobalReplicationGroupIdSuffix", "")), given, primary)
    except ValueError as error:
        raise ActionError("InvalidParameterValue", str(error)) from error
    return {"GlobalReplicationGroup": _described(_DATASTORES[identifier])}


def _failover_action(given: dict[str, Any]) -> dict[str, Any]:
    datastore = _found(given)
    group, region = given.get("PrimaryReplicationGroupId", ""), given.get("PrimaryRegion", "")
    with _LOCK:
        target = next((m for m in datastore["Members"] if _is(m, group, region)), None)
        if target is None:
            raise ActionError(
                "InvalidParameterValue", f"Replication group {group} in {region} is not a member."
            )
        for member in datastore["Members"]:
            member["Role"] = "PRIMARY" if member is target else "SECONDARY"
    return {"GlobalReplicationGroup": _described(datastore)}


def _disassociate_action(given: dict[str, Any]) -> dict[str, Any]:
    datastore = _found(given)
    group, region = given.get("ReplicationGroupId", ""), given.get("ReplicationGroupRegion", "")
    held = membership(group, region)
    if held is None or held[0] != datastore["GlobalReplicationGroupId"]:
        raise ActionError("InvalidParameterValue", f"Replication group {group} in {region} is not a member.")
    if held[1] == "PRIMARY":
        raise ActionError("InvalidParameterValue", "The primary cannot be disassociated: fail over first.")
    leave(group, region)
    return {"GlobalReplicationGroup": _described(datastore)}


def _delete_action(given: dict[str, Any]) -> dict[str, Any]:
    datastore = _found(given)
    if len(datastore["Members"]) > 1:
        raise ActionError(
            "InvalidGlobalReplicationGroupState",
            "Secondary members remain: disassociate them before the delete.",
        )
    answer = {**_described(datastore), "Status": "deleting"}
    _forget(datastore["GlobalReplicationGroupId"])
    return {"GlobalReplicationGroup": answer}


def _forget(identifier: str) -> None:
    with _LOCK:
        _DATASTORES.pop(identifier, None)
