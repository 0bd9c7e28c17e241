"""Task definitions and services as declared, and one-off tasks that an agent runs."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import LocalAws, Stack

CONTAINER: dict[str, Any] = {
    "Name": "gateway",
    "Image": "gateway:1",
    "Essential": True,
    "Command": ["python", "-m", "richesreach.gateway"],
    "Environment": [{"Name": "PORT", "Value": "8000"}],
    "Secrets": [
        {"Name": "DATABASE_PASSWORD", "ValueFrom": "arn:aws:secretsmanager:us-east-1:0:secret:db:password::"}
    ],
    "PortMappings": [{"ContainerPort": 8000, "Protocol": "tcp", "Name": "http"}],
    "HealthCheck": {
        "Command": ["CMD-SHELL", "true"],
        "Interval": 10,
        "Retries": 3,
        "StartPeriod": 5,
        "Timeout": 2,
    },
    "DependsOn": [{"ContainerName": "collector", "Condition": "START"}],
    "LinuxParameters": {"InitProcessEnabled": True, "Capabilities": {"Drop": ["ALL"]}},
    "Ulimits": [{"Name": "nofile", "SoftLimit": 1024, "HardLimit": 2048}],
    "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "gateway"}},
    "ReadonlyRootFilesystem": True,
    "MountPoints": [{"SourceVolume": "tmp", "ContainerPath": "/scratch"}],
}


def _resources(cpu: str = "256") -> dict[str, Any]:
    made: dict[str, tuple[str, dict[str, Any]]] = {
        "Cluster": ("Cluster", {"ClusterName": "under-test"}),
        "Providers": (
            "ClusterCapacityProviderAssociations",
            {
                "Cluster": {"Ref": "Cluster"},
                "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
                "DefaultCapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Weight": 1}],
            },
        ),
        "Definition": (
            "TaskDefinition",
            {
                "Family": "gateway-under-test",
                "Cpu": cpu,
                "Memory": "512",
                "NetworkMode": "awsvpc",
                "RequiresCompatibilities": ["FARGATE"],
                "RuntimePlatform": {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"},
                "EphemeralStorage": {"SizeInGiB": 30},
                "Volumes": [{"Name": "tmp"}],
                "ContainerDefinitions": [CONTAINER],
            },
        ),
        "Service": (
            "Service",
            {
                "Cluster": {"Ref": "Cluster"},
                "ServiceName": "gateway",
                "TaskDefinition": {"Ref": "Definition"},
                "DesiredCount": 1,
                "LaunchType": "FARGATE",
                "DeploymentConfiguration": {"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}},
                "HealthCheckGracePeriodSeconds": 60,
                "PropagateTags": "SERVICE",
                "EnableExecuteCommand": True,
                "ServiceRegistries": [{"RegistryArn": "arn:aws:servicediscovery:us-east-1:0:service/srv"}],
            },
        ),
    }
    return {lid: {"Type": f"AWS::ECS::{kind}", "Properties": props} for lid, (kind, props) in made.items()}


OUTPUTS = {"Definition": {"Ref": "Definition"}, "Service": {"Ref": "Service"}}


@pytest.fixture(scope="module")
def stack(aws: LocalAws) -> Stack:
    return aws.deploy(_resources(), OUTPUTS)


def _started(aws: LocalAws, stack: Stack) -> str:
    answer = aws.client("ecs").run_task(
        cluster="under-test",
        taskDefinition=stack.outputs["Definition"],
        launchType="FARGATE",
        overrides={"containerOverrides": [{"name": "gateway", "command": ["migrate"]}]},
    )
    return str(answer["tasks"][0]["taskArn"])


def _task(aws: LocalAws, arn: str) -> dict[str, Any]:
    return dict(aws.client("ecs").describe_tasks(cluster="under-test", tasks=[arn])["tasks"][0])


def _service(aws: LocalAws) -> dict[str, Any]:
    return dict(
        aws.client("ecs").describe_services(cluster="under-test", services=["gateway"])["services"][0]
    )


def test_a_container_reads_back_with_every_nested_property(aws: LocalAws, stack: Stack) -> None:
    found = aws.client("ecs").describe_task_definition(taskDefinition=stack.outputs["Definition"])[
        "taskDefinition"
    ]
    container = found["containerDefinitions"][0]
    assert container["secrets"] == [
        {"name": "DATABASE_PASSWORD", "valueFrom": CONTAINER["Secrets"][0]["ValueFrom"]}
    ]
    assert container["healthCheck"]["startPeriod"] == 5
    assert container["dependsOn"] == [{"containerName": "collector", "condition": "START"}]
    assert container["linuxParameters"] == {"capabilities": {"drop": ["ALL"]}, "initProcessEnabled": True}
    assert container["ulimits"] == [{"name": "nofile", "softLimit": 1024, "hardLimit": 2048}]
    assert container["logConfiguration"]["options"] == {"awslogs-group": "gateway"}


def test_a_task_definition_keeps_platform_storage_and_volumes(aws: LocalAws, stack: Stack) -> None:
    found = aws.client("ecs").describe_task_definition(taskDefinition=stack.outputs["Definition"])[
        "taskDefinition"
    ]
    assert found["runtimePlatform"]["cpuArchitecture"] == "ARM64"
    assert found["ephemeralStorage"] == {"sizeInGiB": 30}
    assert found["volumes"] == [{"name": "tmp"}]


def test_a_service_keeps_its_deployment_settings(aws: LocalAws, stack: Stack) -> None:
    service = _service(aws)
    assert service["deploymentConfiguration"]["deploymentCircuitBreaker"] == {
        "enable": True,
        "rollback": True,
    }
    assert (service["healthCheckGracePeriodSeconds"], service["propagateTags"]) == (60, "SERVICE")
    assert service["enableExecuteCommand"] is True
    assert service["serviceRegistries"][0]["registryArn"].endswith("service/srv")


def test_a_cluster_has_its_capacity_providers(aws: LocalAws, stack: Stack) -> None:
    found = aws.client("ecs").describe_clusters(clusters=["under-test"])["clusters"][0]
    assert found["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]


def test_a_one_off_task_waits_for_its_agent(aws: LocalAws, stack: Stack) -> None:
    task = _started(aws, stack)
    assert _task(aws, task)["lastStatus"] == "PENDING"
    assert task in aws.client("ecs").list_tasks(cluster="under-test")["taskArns"]
    assert _task(aws, task)["overrides"]["containerOverrides"] == [
        {"name": "gateway", "command": ["migrate"]}
    ]


def test_the_agent_ends_a_task_with_its_exit_code(aws: LocalAws, stack: Stack) -> None:
    task, ecs = _started(aws, stack), aws.client("ecs")
    ecs.submit_task_state_change(cluster="under-test", task=task, status="RUNNING")
    assert _task(aws, task)["lastStatus"] == "RUNNING"
    ended = [{"containerName": "gateway", "exitCode": 3, "status": "STOPPED"}]
    ecs.submit_task_state_change(
        cluster="under-test", task=task, status="STOPPED", reason="failed", containers=ended
    )
    found = _task(aws, task)
    assert (found["lastStatus"], found["stoppedReason"], found["containers"][0]["exitCode"]) == (
        "STOPPED",
        "failed",
        3,
    )


def test_a_changed_task_definition_is_a_new_revision_of_the_service(aws: LocalAws, stack: Stack) -> None:
    before = stack.outputs["Definition"]
    stack.apply(_resources(cpu="512"), OUTPUTS, update=True)
    assert stack.outputs["Definition"] != before
    assert _service(aws)["taskDefinition"] == stack.outputs["Definition"]
    assert (
        aws.client("ecs").describe_task_definition(taskDefinition=before)["taskDefinition"]["status"]
        == "INACTIVE"
    )
