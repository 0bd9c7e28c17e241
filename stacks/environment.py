"""Typed, validated configuration of one environment: ``environments/<name>.yaml`` as frozen models.

Everything that differs between environments is a key here; the stacks never branch on a name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, Field, model_validator

from stacks import address_plan
from stacks.address_plan import Region
from stacks.datalake.settings import LakeSettings
from stacks.delivery.settings import DeliverySettings
from stacks.ecs.settings import LoadBalancerSettings, ServiceSettings, TelemetrySettings
from stacks.edge.settings import EdgeSettings
from stacks.errors import ConfigurationError
from stacks.global_db.settings import CacheSettings, DatabaseSettings
from stacks.monitoring.settings import MonitoringSettings
from stacks.naming import Names
from stacks.network.settings import NetworkSettings
from stacks.regions import REGIONS, nearest
from stacks.security.settings import SecuritySettings
from stacks.streaming.settings import StreamingSettings
from stacks.yaml_file import ROOT, Frozen, MisfitError, load, relative

ENVIRONMENTS = ROOT / "environments"

#: Used when CDK_DEFAULT_ACCOUNT is absent, so that synth needs no credentials; deploy refuses it.
PLACEHOLDER_ACCOUNT = "111111111111"

_DOMAIN = re.compile(r"^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$")

#: Aurora Global Database takes ten secondaries; a Global Datastore takes two.
MAX_DATABASE_REGIONS = 11
MAX_CACHE_REGIONS = 3


def _known_region(region: str) -> str:
    if region not in REGIONS:
        raise ValueError(f"{region!r} is not an AWS region; see stacks/regions.py for the known ones")
    return region


def _domain(value: str) -> str:
    if not _DOMAIN.match(value):
        raise ValueError(f"{value!r} is not a domain name; write one such as example.com, in lower case")
    return value


RegionCode = Annotated[str, AfterValidator(_known_region)]


class Environment(Frozen):
    """One environment. ``home_region`` shapes data resources and never changes; ``writer_region`` only
    routes writes, places singletons and aims alarms, so that it may follow a switchover.

    What a region's stacks say of the others they say of ``permitted_regions`` and of the address space,
    so that they stay as they are when a region joins ``regions`` or leaves it."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{1,11}$")]
    domain: Annotated[str, AfterValidator(_domain)]
    hosted_zone_id: str | None = None
    home_region: RegionCode
    writer_region: RegionCode
    regions: Annotated[dict[RegionCode, Region], Field(min_length=1, max_length=12)]
    permitted_regions: Annotated[list[RegionCode], Field(min_length=1)]
    data_regions: Annotated[list[RegionCode], Field(min_length=1)]
    promotable_regions: Annotated[list[RegionCode], Field(min_length=1)]
    datastore_regions: list[RegionCode]
    protect: bool
    cdk_nag: bool
    reserve_concurrency: bool
    tags: dict[str, str] = Field(default_factory=dict)
    network: NetworkSettings
    lake: LakeSettings
    database: DatabaseSettings
    cache: CacheSettings
    streaming: StreamingSettings | None
    load_balancer: LoadBalancerSettings
    services: ServiceSettings
    edge: EdgeSettings
    monitoring: MonitoringSettings
    telemetry: TelemetrySettings | None = None
    security: SecuritySettings
    delivery: DeliverySettings

    @property
    def names(self) -> Names:
        return Names(self.name)

    @property
    def dns_region(self) -> str:
        """Where the zone and everything of the edge lives: CloudFront takes nothing from elsewhere."""
        return "us-east-1"

    @property
    def reach(self) -> list[str]:
        """Every region in which anything of the platform may act, also those that are yet to join."""
        return sorted({*self.permitted_regions, self.dns_region})

    def nearest_data_region(self, region: str) -> str:
        """The data region that a compute region reads from: itself where it is one."""
        return region if region in self.data_regions else nearest(REGIONS[region].location, self.data_regions)

    def nearest_datastore_region(self, region: str) -> str:
        """Likewise, where there is a datastore."""
        return (
            region
            if region in self.datastore_regions
            else nearest(REGIONS[region].location, self.datastore_regions)
        )

    @model_validator(mode="after")
    def _check(self) -> Environment:
        self._check_permitted()
        self._check_membership()
        self._check_databases()
        self.cache.check(protect=self.protect, regions=self.regions, datastore_regions=self.datastore_regions)
        address_plan.check(self.regions, self.network.address_space)
        if self.streaming is not None:
            zones = {code: len(region.availability_zones) for code, region in self.regions.items()}
            self.streaming.check(protect=self.protect, zones=zones)
        self.lake.check(protect=self.protect, regions=list(self.regions))
        self._check_monitoring()
        if self.telemetry is not None:
            self.telemetry.check(self.network.nat_gateways, self.network.interface_endpoints)
        return self

    def _check_permitted(self) -> None:
        permitted = self.permitted_regions
        if len(set(permitted)) != len(permitted):
            raise MisfitError("permitted_regions", "names a region twice", "remove the repetition")
        for region in self.regions:
            if region not in permitted:
                raise MisfitError(
                    "permitted_regions",
                    f"lacks {region}, which is a region of this environment",
                    "add it: whatever is to act there is refused otherwise",
                )

    def _check_membership(self) -> None:
        for key, regions, limit, service in (
            ("data_regions", self.data_regions, MAX_DATABASE_REGIONS, "an Aurora Global Database"),
            ("datastore_regions", self.datastore_regions, MAX_CACHE_REGIONS, "a Global Datastore"),
        ):
            if len(set(regions)) != len(regions):
                raise MisfitError(key, "names a region twice", "remove the repetition")
            if len(regions) > limit:
                raise MisfitError(key, f"has {len(regions)} regions", f"{service} takes at most {limit}")
            for region in regions:
                if region not in self.regions:
                    raise MisfitError(
                        key,
                        f"{region} is no region of this environment",
                        "add it under `regions` or remove it",
                    )
            if regions and self.home_region not in regions:
                raise MisfitError(key, f"lacks the home region {self.home_region}", "add it, first")
        for region in self.promotable_regions:
            if region not in self.data_regions:
                raise MisfitError(
                    "promotable_regions",
                    f"{region} is not a data region",
                    f"choose among {', '.join(self.data_regions)}",
                )
        if self.writer_region not in self.promotable_regions:
            raise MisfitError(
                "writer_region",
                f"{self.writer_region} is not among the promotable regions, whose databases tasks know",
                f"choose one of {', '.join(self.promotable_regions)}",
            )

    def _check_databases(self) -> None:
        if not self.database.is_global and self.data_regions != [self.home_region]:
            raise MisfitError(
                "data_regions",
                "holds more than the home region, and the database is not global",
                f"write [{self.home_region}], or database.global: true",
            )
        if self.database.recovery_point_seconds is not None and len(self.data_regions) < 2:
            raise MisfitError(
                "database.recovery_point_seconds",
                "blocks every commit where no secondary can keep up, and there is none",
                "set it to null, or add a region to data_regions",
            )

    def _check_monitoring(self) -> None:
        told = [kind for kind in ("threats", "compliance") if kind in self.monitoring.notices]
        if told and not self.security.account_baseline:
            raise MisfitError(
                "monitoring.notices",
                f"holds {' and '.join(told)}, which nobody finds: security.account_baseline is false",
                "leave them to the environment that watches the account",
            )
        if self.monitoring.suppress_during_deployments and not self.services.container_insights:
            raise MisfitError(
                "monitoring.suppress_during_deployments",
                "cannot know of deployments: Container Insights counts them and is off",
                "set services.container_insights to true, or this to false",
            )


def load_environment(name: str, directory: Path = ENVIRONMENTS) -> Environment:
    """Reads ``environments/<name>.yaml``.

    Raises:
        ConfigurationError: there is no such environment, or its file is wrong.
    """
    path = directory / f"{name}.yaml"
    known = sorted(file.stem for file in directory.glob("*.yaml"))
    if name not in known:
        raise ConfigurationError(
            relative(path), "", f"there is no environment {name!r}", f"choose one of {', '.join(known)}"
        )
    environment = load(path, Environment)
    if environment.name != name:
        raise ConfigurationError(
            relative(path), "name", f"is {environment.name!r}", f"must be {name!r}, as the file is called"
        )
    if environment.security.account_baseline:
        _check_baseline(path, directory)
    return environment


def _check_baseline(path: Path, directory: Path) -> None:
    """GuardDuty, Config and Security Hub exist once per account and region."""
    for other in sorted(set(directory.glob("*.yaml")) - {path}):
        try:
            security = (yaml.safe_load(other.read_text(encoding="utf-8")) or {}).get("security") or {}
        except (AttributeError, UnicodeDecodeError, yaml.YAMLError):
            continue  # that file's own mistake is said when it is its turn
        if isinstance(security, dict) and security.get("account_baseline") is True:
            raise ConfigurationError(
                relative(path),
                "security.account_baseline",
                f"is true in {relative(other)} too, and what it makes exists once per account and region",
                "set it to false in one of the two",
            )


def account(variables: Mapping[str, str] = os.environ) -> str:
    """The account to synthesise for: CDK_DEFAULT_ACCOUNT, else the placeholder.

    Raises:
        ConfigurationError: CDK_DEFAULT_ACCOUNT is not twelve digits.
    """
    value = variables.get("CDK_DEFAULT_ACCOUNT") or PLACEHOLDER_ACCOUNT
    if not re.fullmatch(r"\d{12}", value):
        raise ConfigurationError(
            "CDK_DEFAULT_ACCOUNT", "", f"{value!r} is no account id", "set twelve digits, or unset it"
        )
    return value
