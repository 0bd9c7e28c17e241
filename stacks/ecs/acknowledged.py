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

#: Exactly these: a service that is added is looked at before what it cannot avoid is accepted.
_SERVICES = ("ai-router", "features", "gateway", "history", "market-data", "stream")
#: Those that the edge reaches.
_PUBLIC = ("ai-router", "features", "gateway", "market-data")
_MIGRATIONS = tuple(f"{service}-migrate" for service in ("ai-router", "features", "gateway"))
_SCHEDULED = ("history-compact", "history-partitions")
#: Prefixes of the lake below which a service writes.
_LAKE = "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:s3:::{prefix}-lake-{account}-{region}/%s/*]"
_KEPT = (
    "raw/market_data/ticks",
    "raw/market_data/polygon",
    "processed/bars",
    "processed/features/technical_indicators",
    "metadata/lineage",
    "metadata/quality_checks",
)

_FUNCTIONS = (
    "LoadBalancer/PrefixLists/LookUp/Function",
    *(f"{migration}/Runner/Function" for migration in _MIGRATIONS),
)

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "LoadBalancer/PrefixLists/LookUp/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        "ec2:DescribeManagedPrefixLists knows no resource (service authorization reference of EC2)",
    ),
    *each(
        "AwsSolutions::AwsSolutions-ECS2",
        "plain variables hold endpoints and names; secrets come by reference from Secrets Manager",
        *(f"{task}/Task/Resource" for task in (*_SERVICES, *_MIGRATIONS, *_SCHEDULED)),
    ),
    *each(
        REGISTRY_TOKEN,
        "ecr:GetAuthorizationToken knows no resource (service authorization reference of ECR)",
        *(f"{service}-tasks/ExecutionPolicy/Resource" for service in _SERVICES),
    ),
    *each(
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        "what is put into X-Ray knows no resource (service authorization reference of X-Ray)",
        *(f"{service}/Collector/Policy/Resource" for service in _SERVICES),
    ),
    *each(
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        "the Describe actions of ELB know no resource (service authorization reference of ELB v2)",
        *(f"{service}/Frontage/TrafficPolicy/Resource" for service in _PUBLIC),
    ),
    *each(
        "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:ecs:{region}:{account}:task/{prefix}/*]",
        "a task's id is made when it starts; the statement is bound to the platform's own cluster",
        *(f"{migration}/Runner/Policy/Resource" for migration in _MIGRATIONS),
    ),
    Acknowledged(
        "stream/TaskPolicy/Resource",
        "AwsSolutions::AwsSolutions-IAM5"
        "[Resource::arn:aws:s3:::{prefix}-lake-{account}-{region}/state/stream/*]",
        "snapshots are named by their partition and offset; the service writes below its own prefix alone",
    ),
    *(
        Acknowledged(
            "ai-router/TaskPolicy/Resource",
            f"AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:bedrock:{place}{family}*]",
            "a model's id ends with a date and a version; the service asks these families alone, and a"
            " profile asks in any region of its geography",
        )
        for family in ("anthropic.claude", "amazon.nova", "amazon.titan-embed")
        for place in ("*::foundation-model/", "*:{account}:inference-profile/*.")
    ),
    *(
        found
        for prefix in _KEPT
        for found in each(
            _LAKE % prefix,
            "files are named by hour and offset; the service writes below its own prefixes alone",
            *(f"{task}/TaskPolicy/Resource" for task in ("history", *_SCHEDULED)),
        )
    ),
    *each(
        "AwsSolutions::AwsSolutions-SQS3",
        "it is itself where EventBridge Scheduler leaves what it could not start",
        *(f"{task}/DeadLetters/Resource" for task in _SCHEDULED),
    ),
    *each(
        "Checkov::CKV_AWS_27",
        "it is encrypted with the keys of SQS: it holds which task was to start, which is no secret",
        *(f"{task}/DeadLetters/Resource" for task in _SCHEDULED),
    ),
    *each(FUNCTION_DEAD_LETTERS, DEPLOYING, *_FUNCTIONS),
    *each(FUNCTION_NETWORK, APIS_ONLY, *_FUNCTIONS),
    *each(
        ALARM_ACTION,
        "ECS watches it during a deployment and rolls back; the services' own alarms tell people",
        *(f"{service}/Frontage/deployment-{what}" for service in _PUBLIC for what in ("errors", "unhealthy")),
    ),
    Acknowledged(
        "LoadBalancer/Resource/Resource",
        BALANCER_FIREWALL,
        "the web ACL stands at CloudFront, and the balancer answers nobody who did not come through it",
    ),
)
