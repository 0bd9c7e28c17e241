"""ECS: task definitions and services that read back as declared, and capacity providers of a cluster."""

from __future__ import annotations

from typing import Any

from ministack.services import ecs

from ops.local.types import api
from ops.local.types.registry import Properties, Provisioned, ResourceType, replace
from ops.local.types.shapes import arguments
from ops.local.types.through_api import delete_quietly

# Kept by the ECS API of AWS and not by the server's: added to the record, so that DescribeServices answers
# them.
_KEPT = ("availabilityZoneRebalancing", "placementConstraints", "placementStrategy", "deploymentController")
_DEPLOYMENT_KEPT = ("serviceConnectConfiguration", "volumeConfigurations")
_CREATE_ONLY = ("Cluster", "ServiceName", "LaunchType", "Role", "SchedulingStrategy", "DeploymentController")
_PROCESSES = "placement and images: the local platform's agent runs the command as a process"


def types() -> list[ResourceType]:
    """Every ECS type of this package."""
    return [_task_definition(), _service(), _capacity_providers()]


def _task_definition() -> ResourceType:
    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        given = {"Family": f"{stack}-{logical_id}", **properties}
        fitted = arguments("ecs", "RegisterTaskDefinition", given)
        arn = api.call("ecs", "RegisterTaskDefinition", **fitted)["taskDefinition"]["taskDefinitionArn"]
        return arn, {"TaskDefinitionArn": arn}

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        if _without_tags(old) == _without_tags(new):
            tags = arguments("ecs", "RegisterTaskDefinition", new).get("tags", [])
            api.call("ecs", "TagResource", resourceArn=pid, tags=tags)
            return pid, {"TaskDefinitionArn": pid}
        return replace(resource, pid, old, new, stack, logical_id)

    def delete(physical_id: str, _properties: Properties) -> None:
        delete_quietly("ecs", "DeregisterTaskDefinition", {"taskDefinition": physical_id})

    resource = ResourceType(
        "AWS::ECS::TaskDefinition",
        "real",
        "every nested property reads back (secrets, health checks, runtime platform, volumes)",
        _PROCESSES,
        create,
        update,
        delete,
    )
    return resource


def _without_tags(properties: Properties) -> Properties:
    return {key: value for key, value in properties.items() if key != "Tags"}


def _service() -> ResourceType:
    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        given = {"ServiceName": f"{stack}-{logical_id}", **properties}
        fitted = arguments("ecs", "CreateService", given)
        service = api.call("ecs", "CreateService", **fitted)["service"]
        _keep(service["clusterArn"], service["serviceName"], fitted)
        return service["serviceArn"], {"ServiceArn": service["serviceArn"], "Name": service["serviceName"]}

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        if any(old.get(key) != new.get(key) for key in _CREATE_ONLY):
            return replace(resource, pid, old, new, stack, logical_id)
        name = pid.rsplit("/", 1)[-1]
        changed = {key: new.get(key) for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
        fitted = arguments(
            "ecs", "UpdateService", {**changed, "Cluster": new.get("Cluster"), "Service": name}
        )
        service = api.call("ecs", "UpdateService", **fitted)["service"]
        _keep(service["clusterArn"], name, fitted)
        return pid, {"ServiceArn": pid, "Name": name}

    def delete(physical_id: str, properties: Properties) -> None:
        given = {"service": physical_id, "force": True}
        if properties.get("Cluster"):
            given["cluster"] = properties["Cluster"]
        delete_quietly("ecs", "DeleteService", given)

    resource = ResourceType(
        "AWS::ECS::Service",
        "real",
        "keeps deployment configuration, grace period, registries, Service Connect and tag propagation",
        _PROCESSES,
        create,
        update,
        delete,
    )
    return resource


def _keep(cluster_arn: str, name: str, fitted: dict[str, Any]) -> None:
    record = ecs._services[f"{cluster_arn.rsplit('/', 1)[-1]}/{name}"]
    for field in (*_KEPT, "propagateTags", "enableECSManagedTags", "serviceRegistries", "schedulingStrategy"):
        if field in fitted:
            record[field] = fitted[field]
    primary = record["deployments"][0]
    for field in _DEPLOYMENT_KEPT:
        if field in fitted:
            primary[field] = fitted[field]


def _capacity_providers() -> ResourceType:
    def create(_logical_id: str, properties: Properties, _stack: str) -> Provisioned:
        fitted = arguments("ecs", "PutClusterCapacityProviders", properties)
        fitted.setdefault("defaultCapacityProviderStrategy", [])
        api.call("ecs", "PutClusterCapacityProviders", **fitted)
        return str(properties["Cluster"]), {}

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        if old.get("Cluster") != new.get("Cluster"):
            return replace(resource, pid, old, new, stack, logical_id)
        return create(logical_id, new, stack)

    def delete(physical_id: str, _properties: Properties) -> None:
        given = {"cluster": physical_id, "capacityProviders": [], "defaultCapacityProviderStrategy": []}
        delete_quietly("ecs", "PutClusterCapacityProviders", given)

    resource = ResourceType(
        "AWS::ECS::ClusterCapacityProviderAssociations",
        "real",
        "sets the cluster's capacity providers and default strategy",
        "Spot interruptions",
        create,
        update,
        delete,
    )
    return resource
