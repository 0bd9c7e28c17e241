"""Findings of the policy packs that the ecs area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged, each
from stacks.controls import (
    ALARM_ACTION,
    BALANCER_FIREWALL,
    FUNCTION_DEAD_LETTERS,
    FUNCTION_NETWORK,
    REGISTRY_TOKEN,
)
from stacks.function import APIS_ONLY, DEPLOYING

_FUNCTIONS = ("LoadBalancer/PrefixLists/LookUp/Function", "gateway-migrate/Runner/Function")

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "LoadBalancer/PrefixLists/LookUp/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        "ec2:DescribeManagedPrefixLists knows no resource (service authorization reference of EC2)",
    ),
    *(
        Acknowledged(
            f"{task}/Task/Resource",
            "AwsSolutions::AwsSolutions-ECS2",
            "plain variables hold endpoints and names; secrets come by reference from Secrets Manager",
        )
        for task in ("gateway", "gateway-migrate")
    ),
    Acknowledged(
        "gateway-tasks/ExecutionPolicy/Resource",
        REGISTRY_TOKEN,
        "ecr:GetAuthorizationToken knows no resource (service authorization reference of ECR)",
    ),
    Acknowledged(
        "gateway/Collector/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        "what is put into X-Ray knows no resource (service authorization reference of X-Ray)",
    ),
    Acknowledged(
        "gateway/Frontage/TrafficPolicy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        "the Describe actions of ELB know no resource (service authorization reference of ELB v2)",
    ),
    Acknowledged(
        "gateway-migrate/Runner/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:ecs:{region}:{account}:task/{prefix}/*]",
        "a task's id is made when it starts; the statement is bound to the platform's own cluster",
    ),
    *each(FUNCTION_DEAD_LETTERS, DEPLOYING, *_FUNCTIONS),
    *each(FUNCTION_NETWORK, APIS_ONLY, *_FUNCTIONS),
    *each(
        ALARM_ACTION,
        "ECS watches it during a deployment and rolls back; the services' own alarms tell people",
        "gateway/Frontage/deployment-errors",
        "gateway/Frontage/deployment-unhealthy",
    ),
    Acknowledged(
        "LoadBalancer/Resource/Resource",
        BALANCER_FIREWALL,
        "the web ACL stands at CloudFront, and the balancer answers nobody who did not come through it",
    ),
)
