"""Findings of the policy packs that the ecs area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged

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
    *(
        Acknowledged(
            f"{task}/Task/ExecutionRole/DefaultPolicy/Resource",
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            "ecr:GetAuthorizationToken knows no resource (service authorization reference of ECR)",
        )
        for task in ("gateway", "gateway-migrate")
    ),
    Acknowledged(
        "gateway/Collector/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        "what is put into X-Ray knows no resource (service authorization reference of X-Ray)",
    ),
    Acknowledged(
        "gateway/Frontage/TrafficRole/DefaultPolicy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        "the Describe actions of ELB know no resource (service authorization reference of ELB v2)",
    ),
    Acknowledged(
        "gateway-migrate/Runner/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:ecs:{region}:{account}:task/{prefix}/*]",
        "a task's id is made when it starts; the statement is bound to the platform's own cluster",
    ),
)
