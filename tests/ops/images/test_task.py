"""A container is run with what its task definition says."""

from __future__ import annotations

from typing import Any

from ops.images import task

JOIN = {"Fn::Join": ["", ["postgresql://", {"Fn::GetStackOutput": {"OutputName": "x"}}, ":5432/db"]]}


def template(**changes: Any) -> dict[str, Any]:
    container = {
        "Name": "gateway",
        "Command": ["python", "-m", "richesreach.gateway"],
        "Environment": [{"Name": "PORT", "Value": "8000"}, {"Name": "DSN", "Value": JOIN}],
        "Secrets": [{"Name": "DATABASE_PASSWORD", "ValueFrom": "arn:aws:secretsmanager:x"}],
        "PortMappings": [{"ContainerPort": 8000}],
        "StopTimeout": 40,
        "ReadonlyRootFilesystem": True,
        "LinuxParameters": {"Capabilities": {"Drop": ["ALL"]}, "InitProcessEnabled": True},
        "Ulimits": [{"Name": "nofile", "SoftLimit": 65536, "HardLimit": 65536}],
        "MountPoints": [{"ContainerPath": "/scratch", "SourceVolume": "tmp"}],
    }
    definition = {
        "Family": "f",
        "Cpu": "512",
        "Memory": "1024",
        "ContainerDefinitions": [container | changes],
    }
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {}}
    task_definition = {"Type": "AWS::ECS::TaskDefinition", "Properties": definition}
    return {"Resources": {"Bucket": bucket, "Task": task_definition}}


def test_container_has_the_limits_and_rights_of_its_task_definition() -> None:
    ((service, container),) = task.read(template(), ["gateway"])
    assert service == "gateway"
    assert (container.cpu, container.memory, container.stop_timeout) == (0.5, 1024, 40)
    assert (container.read_only, container.init, container.dropped) == (True, True, ("ALL",))
    assert (container.open_files, container.mounts) == (65536, ("/scratch",))


def test_value_that_only_a_deployment_knows_is_a_name_that_never_resolves() -> None:
    ((_, container),) = task.read(template(), ["gateway"])
    assert container.environment["DSN"] == "postgresql://not-deployed.invalid:5432/db"


def test_value_whose_form_is_checked_has_that_form() -> None:
    entry = {"Name": "USER_POOL_ID", "Value": JOIN["Fn::Join"][1][1]}
    ((_, container),) = task.read(template(Environment=[entry]), ["gateway"])
    assert container.environment == {
        "USER_POOL_ID": "us-east-1_NotDeployed",
        "DATABASE_PASSWORD": task.SECRET,
    }


def test_secrets_are_there_without_being_any() -> None:
    ((_, container),) = task.read(template(), ["gateway"])
    assert container.environment["DATABASE_PASSWORD"] == task.SECRET


def test_a_manifest_s_own_secret_holds_what_it_is_made_with() -> None:
    entry = {"Name": "SECRET_AI_PROVIDERS", "ValueFrom": "arn"}
    ((_, container),) = task.read(template(Secrets=[entry]), ["gateway"])
    assert container.environment["SECRET_AI_PROVIDERS"] == "{}"


def test_container_that_asks_for_nothing_gets_what_ecs_would_give_it() -> None:
    ((_, container),) = task.read(
        template(ReadonlyRootFilesystem=False, LinuxParameters={}, Ulimits=[]), ["gateway"]
    )
    assert (container.read_only, container.init, container.dropped) == (False, False, ())
    assert container.open_files == 1024


def test_what_runs_beside_a_service_is_not_taken_for_its_image() -> None:
    assert list(task.read(template(Name="collector"), ["gateway"])) == []
