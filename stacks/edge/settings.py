"""Configuration of the edge."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from stacks.edge.countries import COUNTRIES
from stacks.settings import Days
from stacks.yaml_file import Frozen, MisfitError

Seconds = Annotated[int, Field(ge=1, le=31_536_000)]
Action = Literal["count", "block"]


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError(f"{code!r} is no country; write ISO 3166-1 alpha-2 codes such as DE or SG")
    return code


class ManagedRules(Frozen):
    """What each managed rule group of AWS does with a request that it finds: a new group counts first."""

    ip_reputation: Action
    anonymous_ip: Action
    common: Action
    known_bad_inputs: Action
    sql_injection: Action


class RateRule(Frozen):
    """At most ``requests`` in five minutes from one address, on paths that begin with ``path``.

    ``answers`` narrows nothing down but the action: ``count`` watches, ``block`` answers 429.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,29}$")]
    path: Annotated[str, Field(pattern=r"^/")]
    requests: Annotated[int, Field(ge=10, le=2_000_000_000)]
    action: Action = "block"


class Geography(Frozen):
    """``allow`` admits the listed countries alone, ``deny`` all others than them; none listed: every
    country."""

    mode: Literal["allow", "deny"] = "deny"
    countries: list[Annotated[str, AfterValidator(_country)]] = Field(default_factory=list, max_length=50)

    @model_validator(mode="after")
    def _check(self) -> Geography:
        if len(set(self.countries)) != len(self.countries):
            raise ValueError("countries names a country twice; remove the repetition")
        if self.mode == "allow" and not self.countries:
            raise ValueError("mode allow without a country admits nobody; list the countries or write deny")
        return self


class FirewallSettings(Frozen):
    """The web ACL. ``bot_control`` costs by request: common looks at signatures, targeted at behaviour
    too."""

    managed: ManagedRules
    bot_control: Literal["none", "common", "targeted"]
    rates: list[RateRule] = Field(max_length=20)
    geography: Geography

    @model_validator(mode="after")
    def _unique(self) -> FirewallSettings:
        names = [rate.name for rate in self.rates]
        if len(set(names)) != len(names):
            raise ValueError("rates names a rule twice; give each its own name")
        return self


class IdentitySettings(Frozen):
    """The user pool. ``password_sign_in`` lets a client send a password itself: for the local users only.

    ``self_sign_up``: whoever has an e-mail address may become a viewer; without it, people are invited.
    """

    mfa: Literal["required", "optional", "none"]
    threat_protection: Literal["enforced", "audit", "none"]
    password_sign_in: bool
    self_sign_up: bool
    access_token_minutes: Annotated[int, Field(ge=5, le=1440)]


class StaleSettings(Frozen):
    """How long a copy may serve while it is renewed, and while the origin fails (RFC 5861)."""

    while_revalidate_seconds: Seconds
    if_error_seconds: Seconds


class LogSettings(Frozen):
    """Access logs of the distribution and the firewall's, in their own bucket."""

    format: Literal["parquet", "json"]
    days: Days


class StagingSettings(Frozen):
    """A staging distribution, and who is sent there: a share of the traffic, or who sends a header."""

    weight: Annotated[float, Field(gt=0, le=0.15)] | None = None
    header: Annotated[str, Field(pattern=r"^aws-cf-cd-[a-z0-9-]+$")] | None = None
    value: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> StagingSettings:
        if (self.weight is None) == (self.header is None):
            raise ValueError("traffic goes by weight or by header; set exactly one of the two")
        if (self.header is None) != (self.value is None):
            raise ValueError("header and value belong together; set both or neither")
        return self


class EdgeSettings(Frozen):
    """``certificate``: an ACM certificate for the site and each region; without it CloudFront answers
    on its own name and speaks HTTP to the origins."""

    certificate: bool
    price_class: Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"]
    http3: bool
    health_check_interval_seconds: Literal[10, 30]
    origin_connect_seconds: Annotated[int, Field(ge=1, le=10)]
    origin_read_seconds: Annotated[int, Field(ge=1, le=120)]
    origin_failover_seconds: Annotated[int, Field(ge=1, le=120)]
    origin_stream_seconds: Annotated[int, Field(ge=1, le=120)]
    origin_secret_days: Annotated[int, Field(ge=1, le=1000)]
    shape_errors: Literal["everywhere", "cached-and-protected"]
    real_time_metrics: bool
    dnssec: bool
    certificate_authorities: list[Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")]]
    content_security_policy: Annotated[str, Field(min_length=1, max_length=1500)]
    stale: StaleSettings
    logs: LogSettings | None
    identity: IdentitySettings
    firewall: FirewallSettings | None
    staging: StagingSettings | None = None

    @model_validator(mode="after")
    def _check(self) -> EdgeSettings:
        if self.staging is not None and self.http3:
            raise MisfitError(
                "http3",
                "is on, and a distribution with HTTP/3 takes no continuous deployment",
                "set it to false while `staging` is set, or remove `staging`",
            )
        if (
            self.certificate
            and self.certificate_authorities
            and "amazon.com" not in self.certificate_authorities
        ):
            raise MisfitError(
                "certificate_authorities",
                "forbids Amazon to issue the platform's own certificates",
                "add amazon.com, or empty the list",
            )
        if self.origin_failover_seconds > self.origin_read_seconds:
            raise MisfitError(
                "origin_failover_seconds",
                f"is longer than origin_read_seconds ({self.origin_read_seconds} s)",
                "a read that may fail over must give up no later than one that may not; lower it",
            )
        return self
