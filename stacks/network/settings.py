"""Configuration of the network area."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from stacks.address_plan import AddressSpace
from stacks.settings import LogDays
from stacks.yaml_file import Frozen, MisfitError

#: Services with an interface endpoint that the platform may call, by the name that follows
#: ``com.amazonaws.<region>.``. A test holds each of them against the CDK's own table.
ENDPOINT_SERVICES = (
    "aps-workspaces",
    "athena",
    "ecr.api",
    "ecr.dkr",
    "ecs",
    "ecs-agent",
    "ecs-telemetry",
    "elasticloadbalancing",
    "events",
    "glue",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "rds",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "ssmmessages",
    "states",
    "sts",
    "xray",
)

#: What a Fargate task cannot start without: its image (whose layers come through the S3 gateway endpoint),
#: its log, its secrets ("Amazon ECS interface VPC endpoints", ECS developer guide).
TASK_NEEDS = ("ecr.api", "ecr.dkr", "logs", "secretsmanager")


def _endpoint(service: str) -> str:
    if service not in ENDPOINT_SERVICES:
        raise ValueError(f"{service!r} is no known endpoint; choose from {', '.join(ENDPOINT_SERVICES)}")
    return service


class NetworkSettings(Frozen):
    """``address_space``: what the networks of all regions lie in, and what ACLs and security groups let in,
    so that a region that joins is let in already. ``nat_gateways``: how many a region has; one a zone keeps
    a zone's loss inside the zone, ``none`` leaves tasks with what the endpoints reach. ``flow_log_archive``:
    flow logs once more, as Parquet in the region's log bucket with a table for Athena, kept as long as that
    bucket's other logs."""

    address_space: AddressSpace
    nat_gateways: Literal["per-zone", "one", "none"]
    interface_endpoints: list[Annotated[str, AfterValidator(_endpoint)]]
    flow_log_days: LogDays
    flow_log_archive: bool

    @model_validator(mode="after")
    def _check(self) -> NetworkSettings:
        given = self.interface_endpoints
        if len(set(given)) != len(given):
            raise MisfitError("interface_endpoints", "names a service twice", "remove the repetition")
        missing = [service for service in TASK_NEEDS if service not in given]
        if self.nat_gateways == "none" and missing:
            raise MisfitError(
                "nat_gateways",
                f"is none, but no task starts without {', '.join(missing)}",
                "add them to interface_endpoints, or keep a NAT gateway",
            )
        return self
