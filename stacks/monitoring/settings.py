"""Configuration of monitoring."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from stacks.datalake.schemas import DATASETS
from stacks.yaml_file import Frozen

Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Url = Annotated[str, Field(pattern=r"^https://[^\s/]+(/\S*)?$")]
Percent = Annotated[float, Field(gt=0, le=100)]
NoticeKind = Literal["deployments", "backups", "threats", "compliance"]
Usd = Annotated[float, Field(gt=0)]


def _dataset(name: str) -> str:
    known = sorted(dataset.name for dataset in DATASETS)
    if name not in known:
        raise ValueError(f"{name!r} is no dataset of the lake; choose from {', '.join(known)}")
    return name


class CanarySettings(Frozen):
    """Synthetics canaries of a region. ``origin`` asks the region's own record past CloudFront, which
    works only where the load balancer admits callers from outside CloudFront."""

    edge: bool
    origin: bool
    minutes: Annotated[int, Field(ge=1, le=60)]

    @model_validator(mode="after")
    def _something(self) -> CanarySettings:
        if not (self.edge or self.origin):
            raise ValueError("neither edge nor origin is asked; set one to true or remove `canary`")
        return self


class BudgetSettings(Frozen):
    """Monthly budgets in USD: the account's tagged total, one for each region, one for each AWS service by
    its name in Cost Explorer; and the impact from which a cost anomaly is reported."""

    monthly_usd: Usd
    region_usd: Usd
    services_usd: dict[str, Usd] = Field(default_factory=dict)
    anomaly_usd: Usd

    @model_validator(mode="after")
    def _ordered(self) -> BudgetSettings:
        if self.region_usd > self.monthly_usd:
            raise ValueError(
                f"region_usd {self.region_usd:g} exceeds monthly_usd {self.monthly_usd:g}; lower it"
            )
        return self


class MonitoringSettings(Frozen):
    """``runbook_base_url`` is where ``docs/runbooks`` is published; ``pagerduty_events_url`` is the Events
    API v2, absent: no function is made. ``minimum_requests`` guards burn rates against a handful of requests
    in a quiet window. ``anomaly_band`` is the width of a band in standard deviations, absent: no band.
    ``blocked_requests`` of the firewall in five minutes are told of, absent: none are. ``lake_datasets`` are
    those that somebody writes: each may grow as old as it is declared. ``notices`` are kinds of events."""

    alarm_email: Email | None = None
    runbook_base_url: Url
    pagerduty_events_url: Url | None = None
    suppress_during_deployments: bool
    minimum_requests: Annotated[int, Field(ge=1, le=100_000)]
    anomaly_band: Annotated[float, Field(ge=1, le=10)] | None = None
    replication_lag_seconds: Annotated[float, Field(gt=0, le=3600)]
    database_connections: Annotated[int, Field(ge=1, le=16_000)]
    database_storage_gib: Annotated[int, Field(ge=1, le=131_072)]
    lake_replication_minutes: Annotated[int, Field(ge=1, le=1440)]
    certificate_days: Annotated[int, Field(ge=1, le=60)]
    blocked_requests: Annotated[int, Field(ge=1)] | None = None
    lake_datasets: tuple[Annotated[str, AfterValidator(_dataset)], ...] = ()
    notices: tuple[NoticeKind, ...] = ()
    canary: CanarySettings | None = None
    budgets: BudgetSettings | None = None
