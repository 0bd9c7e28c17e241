"""RDS: the global cluster, and clusters and instances with addresses that a real server can bind."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_region
from ministack.services import rds
from ministack.services.cloudformation import provisioners

from ops.local.types import api
from ops.local.types.addresses import address_of
from ops.local.types.registry import (
    Attributes,
    Properties,
    Provisioned,
    ResourceType,
    built_in,
    call_built_in_delete,
    call_built_in_update,
    replace,
)
from ops.local.types.shapes import arguments
from ops.local.types.through_api import ThroughApi, delete_quietly

_SERVERS = "timing of AWS: the server behind the address is started by the local platform's reconciler"


def install() -> None:
    """DescribeDBClusters answers without the log exports; this adds them."""
    shipped = rds._cluster_xml

    def with_exports(cluster: dict[str, Any]) -> str:
        names = "".join(
            f"<member>{name}</member>" for name in cluster.get("EnabledCloudwatchLogsExports") or []
        )
        return f"{shipped(cluster)}<EnabledCloudwatchLogsExports>{names}</EnabledCloudwatchLogsExports>"

    rds._cluster_xml = with_exports


def types() -> list[ResourceType]:
    """Every RDS type of this package."""
    return [
        ThroughApi(
            "AWS::RDS::GlobalCluster",
            "rds",
            "CreateGlobalCluster",
            "GlobalCluster.GlobalClusterIdentifier",
            "DeleteGlobalCluster",
            lambda pid, _: {"GlobalClusterIdentifier": pid},
            attributes={
                "GlobalEndpoint.Address": "join('', [GlobalCluster.GlobalClusterIdentifier, "
                "'.global-local.global.rds.amazonaws.com'])"
            },
            update="ModifyGlobalCluster",
            id_argument="GlobalClusterIdentifier",
            does="keeps members and the writer; switchover and failover through the RDS API",
            cannot_prove="the global writer endpoint (a name that nothing resolves), replication lag",
        ).resource(),
        _cluster(),
        _instance(),
    ]


def _cluster() -> ResourceType:
    shipped = built_in("AWS::RDS::DBCluster")

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        name = properties.get("DBClusterIdentifier") or provisioners._physical_name(
            stack, logical_id, lowercase=True, max_len=63
        )
        # The engine of a member is the global cluster's; naming another fails here as on AWS.
        given = arguments("rds", "CreateDBCluster", {**properties, "DBClusterIdentifier": name})
        given.setdefault("Engine", _global_engine(properties) or "aurora-postgresql")
        api.call("rds", "CreateDBCluster", **given)
        cluster = rds._clusters[name]
        cluster["Endpoint"] = address_of(get_region(), "rds-cluster", name, "writer")
        cluster["ReaderEndpoint"] = address_of(get_region(), "rds-cluster", name, "reader")
        _keep(cluster, properties)
        return name, _cluster_attributes(cluster)

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        if old.get("DBClusterIdentifier") != new.get("DBClusterIdentifier"):
            return replace(resource, pid, old, new, stack, logical_id)
        call_built_in_update(shipped, pid, old, new, stack, logical_id)
        cluster = rds._clusters[pid]
        _keep(cluster, new)
        _move_between_globals(cluster, old.get("GlobalClusterIdentifier"), new.get("GlobalClusterIdentifier"))
        return pid, _cluster_attributes(cluster)

    def delete(physical_id: str, _properties: Properties) -> None:
        cluster = rds._clusters.get(physical_id)
        if cluster is None:
            return
        _move_between_globals(cluster, cluster.get("GlobalClusterIdentifier"), None)
        delete_quietly(
            "rds", "DeleteDBCluster", {"DBClusterIdentifier": physical_id, "SkipFinalSnapshot": True}
        )

    resource = ResourceType(
        "AWS::RDS::DBCluster",
        "real",
        "honours GlobalClusterIdentifier, encryption, parameters and tags; endpoints are loopback addresses",
        _SERVERS,
        create,
        update,
        delete,
    )
    return resource


def _global_engine(properties: Properties) -> str | None:
    identifier = properties.get("GlobalClusterIdentifier")
    if not identifier:
        return None
    found = api.call("rds", "DescribeGlobalClusters", GlobalClusterIdentifier=identifier)["GlobalClusters"]
    return str(found[0]["Engine"])


def _move_between_globals(cluster: dict[str, Any], old: str | None, new: str | None) -> None:
    """Detaches a cluster that a template takes out of its global cluster; joining is create-only."""
    if old and old != new and cluster.get("GlobalClusterIdentifier") == old:
        api.call(
            "rds",
            "RemoveFromGlobalCluster",
            GlobalClusterIdentifier=old,
            DbClusterIdentifier=cluster["DBClusterArn"],
        )


def _keep(cluster: dict[str, Any], properties: Properties) -> None:
    """Properties that the server's API reads back but never takes in."""
    if properties.get("EnableCloudwatchLogsExports"):
        cluster["EnabledCloudwatchLogsExports"] = list(properties["EnableCloudwatchLogsExports"])
    if properties.get("DBClusterParameterGroupName"):
        cluster["DBClusterParameterGroup"] = properties["DBClusterParameterGroupName"]
    if properties.get("Tags"):
        cluster["TagList"] = list(properties["Tags"])
        rds._tags[cluster["DBClusterArn"]] = list(properties["Tags"])


def _cluster_attributes(cluster: dict[str, Any]) -> Attributes:
    return {
        "DBClusterArn": cluster["DBClusterArn"],
        "DBClusterResourceId": cluster["DbClusterResourceId"],
        "Endpoint": cluster["Endpoint"],
        "Endpoint.Address": cluster["Endpoint"],
        "Endpoint.Port": str(cluster["Port"]),
        "ReadEndpoint.Address": cluster["ReaderEndpoint"],
        "MasterUserSecret.SecretArn": (cluster.get("MasterUserSecret") or {}).get("SecretArn", ""),
    }


def _instance() -> ResourceType:
    shipped = built_in("AWS::RDS::DBInstance")

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        name, attributes = shipped["create"](logical_id, properties, stack)
        instance = rds._instances[name]
        address = address_of(get_region(), "rds-instance", name)
        instance["Endpoint"]["Address"] = address
        cluster = rds._clusters.get(properties.get("DBClusterIdentifier") or "")
        if cluster is not None:
            _join(instance, cluster)
        return name, {
            **attributes,
            "Endpoint.Address": address,
            "Endpoint.Port": str(instance["Endpoint"]["Port"]),
        }

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        if old.get("DBInstanceIdentifier") != new.get("DBInstanceIdentifier"):
            return replace(resource, pid, old, new, stack, logical_id)
        return call_built_in_update(shipped, pid, old, new, stack, logical_id)

    def delete(physical_id: str, properties: Properties) -> None:
        call_built_in_delete(shipped, physical_id, properties)
        cluster = rds._clusters.get(properties.get("DBClusterIdentifier") or "")
        members = (cluster or {}).get("DBClusterMembers", [])
        if members and not any(member["IsClusterWriter"] for member in members):
            members[0]["IsClusterWriter"] = True

    resource = ResourceType(
        "AWS::RDS::DBInstance",
        "real",
        "has its own loopback address; only the first instance of a cluster is its writer",
        _SERVERS,
        create,
        update,
        delete,
    )
    return resource


def _join(instance: dict[str, Any], cluster: dict[str, Any]) -> None:
    for field in ("Engine", "EngineVersion", "StorageEncrypted", "KmsKeyId"):
        instance[field] = cluster.get(field) or instance.get(field)
    instance["Endpoint"]["Port"] = cluster["Port"]
    members = cluster["DBClusterMembers"]
    for position, member in enumerate(members):
        if member["DBInstanceIdentifier"] == instance["DBInstanceIdentifier"]:
            # The shipped handler makes every instance a writer.
            member["IsClusterWriter"] = position == 0
