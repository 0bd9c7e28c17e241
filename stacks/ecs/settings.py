"""Configuration of the load balancers and of what every service shares."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import Field, model_validator

from stacks.settings import LogDays, TaskCount
from stacks.yaml_file import Frozen


class LoadBalancerSettings(Frozen):
    """How CloudFront reaches a region: the listener's protocol and port, and who may connect."""

    protocol: Literal["https", "http"]
    port: Annotated[int, Field(ge=1, le=65535)]
    allowed_cidrs: Annotated[list[str], Field(min_length=1)]
    idle_timeout_seconds: Annotated[int, Field(ge=1, le=4000)] = 60

    @model_validator(mode="after")
    def _networks(self) -> LoadBalancerSettings:
        for cidr in self.allowed_cidrs:
            try:
                ipaddress.IPv4Network(cidr)
            except ValueError as error:
                raise ValueError(f"allowed_cidrs: {error}; write networks such as 10.0.0.0/8") from None
        return self


class ServiceSettings(Frozen):
    """``tasks`` overrides the counts of every manifest; absent, each manifest's own hold."""

    architecture: Literal["arm64", "x86_64"]
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    log_days: LogDays
    container_insights: bool
    tasks: TaskCount | None = None
