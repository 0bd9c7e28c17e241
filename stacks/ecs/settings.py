"""Configuration of the load balancers and of what every service shares."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import Field, model_validator

from stacks.settings import LogDays, TaskCount
from stacks.yaml_file import Frozen

#: Shortest prefix that `allowed_cidrs` takes: 10.0.0.0/8 is the largest private network.
WIDEST = 8


class LoadBalancerSettings(Frozen):
    """How CloudFront reaches a region: the listener's protocol and port, and who may connect.

    ``managed_prefix_lists`` admits CloudFront's origin-facing servers and the Route 53 health checkers,
    ``allowed_cidrs`` further networks. Whoever connects, a request without the origin-verify header gets 403.
    """

    protocol: Literal["https", "http"]
    port: Annotated[int, Field(ge=1, le=65535)]
    managed_prefix_lists: bool
    allowed_cidrs: list[str]
    idle_timeout_seconds: Annotated[int, Field(ge=1, le=4000)] = 60

    @model_validator(mode="after")
    def _networks(self) -> LoadBalancerSettings:
        for cidr in self.allowed_cidrs:
            try:
                network = ipaddress.IPv4Network(cidr)
            except ValueError as error:
                raise ValueError(f"allowed_cidrs: {error}; write networks such as 10.0.0.0/8") from None
            if network.prefixlen < WIDEST:
                raise ValueError(
                    f"allowed_cidrs: {cidr} opens the load balancers to the internet, past the firewall;"
                    f" name networks of /{WIDEST} or smaller"
                )
        if not self.managed_prefix_lists and not self.allowed_cidrs:
            raise ValueError("nobody may connect; set managed_prefix_lists: true or list allowed_cidrs")
        return self


class ServiceSettings(Frozen):
    """``tasks`` overrides the counts of every manifest; absent, each manifest's own hold."""

    architecture: Literal["arm64", "x86_64"]
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    log_days: LogDays
    container_insights: bool
    tasks: TaskCount | None = None
