"""Every extra type and action, area by area."""

from __future__ import annotations

from ops.local.types import (
    application_autoscaling,
    cloudwatch,
    declared,
    ec2,
    ec2_routes,
    ecs,
    ecs_agent,
    elasticache,
    elbv2,
    global_datastore,
    lambda_latency,
    msk,
    rds,
    route53,
    s3,
    schedules,
    secrets,
    stack_outputs,
    waf,
    waf_api,
)
from ops.local.types.registry import register

_AREAS = (
    application_autoscaling,
    cloudwatch,
    declared,
    ec2,
    ecs,
    elasticache,
    msk,
    rds,
    route53,
    s3,
    secrets,
    waf,
    waf_api,
)
_ACTIONS = (
    application_autoscaling,
    cloudwatch,
    ec2_routes,
    ecs_agent,
    elbv2,
    global_datastore,
    lambda_latency,
    msk,
    rds,
    route53,
    s3,
    schedules,
    stack_outputs,
)


def load() -> None:
    """Registers all of them, once, before the server starts."""
    for area in _AREAS:
        register(*area.types())
    for actions in _ACTIONS:
        actions.install()
