"""ElastiCache: replication groups whose every node has an address, in a Global Datastore or alone."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_region
from ministack.services import elasticache
from ministack.services.cloudformation import provisioners

from ops.local.types import api, elasticache_users, global_datastore
from ops.local.types.addresses import address_of
from ops.local.types.registry import (
    Attributes,
    Properties,
    Provisioned,
    ResourceType,
    built_in,
    call_built_in_update,
    replace,
)
from ops.local.types.shapes import arguments
from ops.local.types.through_api import delete_quietly

_PORT = 6379
# A secondary omits these in its template and takes them from the primary.
_INHERITED = (
    "Engine",
    "EngineVersion",
    "CacheNodeType",
    "CacheParameterGroupName",
    "AtRestEncryptionEnabled",
    "TransitEncryptionEnabled",
)


def types() -> list[ResourceType]:
    """Every ElastiCache type of this package."""
    _show_what_is_kept()
    elasticache_users.install()
    return [_replication_group(), global_datastore.resource()]


def _replication_group() -> ResourceType:
    shipped = built_in("AWS::ElastiCache::ReplicationGroup")

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        name = (
            properties.get("ReplicationGroupId")
            or provisioners._physical_name(stack, logical_id, lowercase=True, max_len=40)
        ).lower()
        datastore = properties.get("GlobalReplicationGroupId")
        inherited = global_datastore.inherited(datastore, _INHERITED) if datastore else {}
        given = arguments(
            "elasticache", "CreateReplicationGroup", {**inherited, **properties, "ReplicationGroupId": name}
        )
        # The server's API knows no datastore; membership is kept beside it.
        given.pop("GlobalReplicationGroupId", None)
        api.call("elasticache", "CreateReplicationGroup", **given)
        group = elasticache._replication_groups[name]
        _give_addresses(name, group)
        _keep(group, properties)
        if datastore:
            global_datastore.join(datastore, name, get_region())
        return name, _attributes(group)

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        if old.get("ReplicationGroupId") != new.get("ReplicationGroupId"):
            return replace(resource, pid, old, new, stack, logical_id)
        call_built_in_update(shipped, pid, old, new, stack, logical_id)
        group = elasticache._replication_groups[pid]
        _give_addresses(pid, group)
        _keep(group, new)
        return pid, _attributes(group)

    def delete(physical_id: str, _properties: Properties) -> None:
        global_datastore.leave(physical_id, get_region())
        delete_quietly("elasticache", "DeleteReplicationGroup", {"ReplicationGroupId": physical_id})

    resource = ResourceType(
        "AWS::ElastiCache::ReplicationGroup",
        "real",
        "every node has its own loopback address; joins the Global Datastore that it names",
        "failover timing of AWS; the servers are started by the local platform's reconciler",
        create,
        update,
        delete,
    )
    return resource


def _give_addresses(name: str, group: dict[str, Any]) -> None:
    """Nodes keep theirs when the primary moves; the primary and reader endpoints have their own."""
    region = get_region()
    for node_group in group["NodeGroups"]:
        shard = node_group["NodeGroupId"]
        node_group["PrimaryEndpoint"] = _endpoint(address_of(region, "cache", name, shard, "primary"))
        node_group["ReaderEndpoint"] = _endpoint(address_of(region, "cache", name, shard, "reader"))
        for member in node_group["NodeGroupMembers"]:
            member["ReadEndpoint"] = _endpoint(address_of(region, "cache-node", member["CacheClusterId"]))
            cluster = elasticache._clusters.get(member["CacheClusterId"])
            if cluster is not None:
                cluster["_endpoint"] = member["ReadEndpoint"]
                for node in cluster.get("CacheNodes", []):
                    node["Endpoint"] = member["ReadEndpoint"]
    if group.get("ConfigurationEndpoint"):
        group["ConfigurationEndpoint"] = _endpoint(address_of(region, "cache", name, "configuration"))


def _endpoint(address: str) -> dict[str, Any]:
    return {"Address": address, "Port": _PORT}


def _keep(group: dict[str, Any], properties: Properties) -> None:
    if properties.get("KmsKeyId"):
        group["KmsKeyId"] = str(properties["KmsKeyId"])


def _attributes(group: dict[str, Any]) -> Attributes:
    first = group["NodeGroups"][0]
    nodes = [member["ReadEndpoint"] for member in first["NodeGroupMembers"]]
    configuration = group.get("ConfigurationEndpoint") or {"Address": "", "Port": _PORT}
    addresses, ports = [node["Address"] for node in nodes], [str(node["Port"]) for node in nodes]
    return {
        "PrimaryEndPoint.Address": first["PrimaryEndpoint"]["Address"],
        "PrimaryEndPoint.Port": str(_PORT),
        "ReaderEndPoint.Address": first["ReaderEndpoint"]["Address"],
        "ReaderEndPoint.Port": str(_PORT),
        "ReadEndPoint.Addresses": f"[{', '.join(addresses)}]",
        "ReadEndPoint.Addresses.List": addresses,
        "ReadEndPoint.Ports": f"[{', '.join(ports)}]",
        "ReadEndPoint.Ports.List": ports,
        "ConfigurationEndPoint.Address": configuration["Address"],
        "ConfigurationEndPoint.Port": str(configuration["Port"]),
    }


def _show_what_is_kept() -> None:
    """DescribeReplicationGroups answers without the key and the datastore; this adds them."""
    shipped = elasticache._rg_xml

    def with_more(group: dict[str, Any]) -> str:
        more = f"<KmsKeyId>{group['KmsKeyId']}</KmsKeyId>" if group.get("KmsKeyId") else ""
        member = global_datastore.membership(group["ReplicationGroupId"], get_region())
        if member is not None:
            more += (
                f"<GlobalReplicationGroupInfo><GlobalReplicationGroupId>{member[0]}</GlobalReplicationGroupId>"
                f"<GlobalReplicationGroupMemberRole>{member[1]}</GlobalReplicationGroupMemberRole>"
                "</GlobalReplicationGroupInfo>"
            )
        return str(shipped(group)) + more

    elasticache._rg_xml = with_more
