"""A template that is wrong shows as a service that does not start, and the platform names it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ops.local import aws, paths
from stacks.environment import Environment
from tests.acceptance.client import eventually, richesreach

REGION = "ap-southeast-1"
# Every service of the region is renewed; a machine that is busy with other suites takes a minute and more.
SECONDS = 240

Template = dict[str, Any]


def resources(template: Template, kind: str) -> list[Template]:
    return [entry["Properties"] for entry in template["Resources"].values() if entry["Type"] == kind]


def without_password(template: Template) -> None:
    for definition in resources(template, "AWS::ECS::TaskDefinition"):
        for container in definition["ContainerDefinitions"]:
            container["Secrets"] = [s for s in container["Secrets"] if s["Name"] != "DATABASE_PASSWORD"]


def wrong_health_path(template: Template) -> None:
    for group in resources(template, "AWS::ElasticLoadBalancingV2::TargetGroup"):
        group["HealthCheckPath"] = "/not-the-health-path"


def wrong_container_port(template: Template) -> None:
    for definition in resources(template, "AWS::ECS::TaskDefinition"):
        for container in definition["ContainerDefinitions"]:
            container["PortMappings"][0]["ContainerPort"] = 9999
    for service in resources(template, "AWS::ECS::Service"):
        for group in service.get("LoadBalancers", []):  # one that no viewer reaches has none
            group["ContainerPort"] = 9999


@pytest.fixture
def deployed(environment: Environment) -> Iterator[Callable[[Callable[[Template], None]], None]]:
    """Deploys a changed copy of the region's ecs template; the true one is deployed again afterwards."""
    stack = environment.names.stack(REGION, "ecs")
    true = json.loads((paths.STATE / "cdk.out" / f"{stack}.template.json").read_text())

    def deploy(change: Callable[[Template], None]) -> None:
        template = copy.deepcopy(true)
        change(template)
        assert template != true
        _update(stack, template)

    yield deploy
    _update(stack, true)
    eventually(lambda: not _unready(), "the true template serving again", SECONDS)


def _update(stack: str, template: Template) -> None:
    """By way of S3, as the template is larger than a call may hold."""
    bucket, key = f"cdk-hnb659fds-assets-{aws.ACCOUNT}-{REGION}", f"{stack}.changed.json"
    aws.client("s3", REGION).put_object(Bucket=bucket, Key=key, Body=json.dumps(template).encode())
    cloudformation = aws.client("cloudformation", REGION)
    cloudformation.update_stack(
        StackName=stack,
        TemplateURL=f"{aws.endpoint()}/{bucket}/{key}",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )

    def settled() -> bool:
        status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        return not str(status).endswith("IN_PROGRESS")

    eventually(settled, f"{stack} deployed", SECONDS)
    assert cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "UPDATE_COMPLETE"


def _unready() -> list[str]:
    return list(json.loads(richesreach("status", "--json").stdout)["unready"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without_password, "DATABASE_PASSWORD"),
        (wrong_health_path, "/not-the-health-path"),
        (wrong_container_port, "9999"),
    ],
)
def test_wrong_template_names_the_service_that_does_not_start(
    deployed: Callable[[Callable[[Template], None]], None], change: Callable[[Template], None], reason: str
) -> None:
    deployed(change)

    def named() -> list[str]:
        return [line for line in _unready() if f"gateway in {REGION}" in line and reason in line]

    assert eventually(named, f"gateway in {REGION} named with {reason}", SECONDS)
    assert richesreach("status").returncode == 1
