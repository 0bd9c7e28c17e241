"""Rotates the value that proves to a load balancer that a request came through CloudFront.

Two secrets: the one that rotates holds the value in use; ``PREVIOUS_SECRET_NAME`` the one before it. Every
listener rule that asks for the header accepts both. A rotation never refuses a request of CloudFront:

1. createSecret  a new value waits as AWSPENDING;
2. setSecret     the rules of every region accept the new value and the one in use; then the distributions
                 send the new one;
3. testSecret    every distribution has taken the change to its edge locations;
4. finishSecret  the value that was in use becomes the previous one, and the new one AWSCURRENT.

Each step may run again and then changes nothing. While a distribution still deploys, testSecret fails, and
Secrets Manager calls again. Variables: HEADER, PREVIOUS_SECRET_NAME (or ARN), LOAD_BALANCER (name), REGIONS
and DISTRIBUTIONS (comma-separated). Protocol: "Rotation by Lambda function", AWS Secrets Manager user guide.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3

#: Letters and digits alone: rule values read * and ? as wildcards.
LENGTH = 64

POLL_SECONDS = 10.0

#: Milliseconds kept back to fail in words before Lambda cuts the function off.
RESERVE_MILLISECONDS = 20_000


class RotationError(Exception):
    """The rotation cannot go on; Secrets Manager tries again."""


@dataclass(frozen=True)
class Settings:
    """What is rotated, from the function's environment."""

    header: str
    previous_secret: str
    load_balancer: str
    regions: tuple[str, ...]
    distributions: tuple[str, ...]

    @classmethod
    def of(cls, variables: Any) -> Settings:
        return cls(
            header=variables["HEADER"],
            previous_secret=variables["PREVIOUS_SECRET_NAME"],
            load_balancer=variables["LOAD_BALANCER"],
            regions=tuple(variables["REGIONS"].split(",")),
            distributions=tuple(variables["DISTRIBUTIONS"].split(",")),
        )


def handler(event: dict[str, str], context: Any) -> None:
    """One step of a rotation: ``event`` has ``Step``, ``SecretId`` and ``ClientRequestToken``."""
    rotation = Rotation(Settings.of(os.environ), event["SecretId"], event["ClientRequestToken"])
    match event["Step"]:
        case "createSecret":
            rotation.create()
        case "setSecret":
            rotation.set()
        case "testSecret":
            rotation.test(context.get_remaining_time_in_millis)
        case "finishSecret":
            rotation.finish()
        case other:
            raise RotationError(f"unknown step {other!r}")


class Rotation:
    """The steps of one rotation, told apart by its token."""

    def __init__(self, settings: Settings, secret: str, token: str) -> None:
        self.settings, self.secret, self.token = settings, secret, token
        self.secrets = boto3.client("secretsmanager")
        self.cloudfront = boto3.client("cloudfront")

    def create(self) -> None:
        """Makes the new value, unless an earlier run of this step did."""
        stages = self._stages()
        if "AWSPENDING" in stages or "AWSCURRENT" in stages:
            return
        value = self.secrets.get_random_password(
            PasswordLength=LENGTH, ExcludePunctuation=True, IncludeSpace=False
        )["RandomPassword"]
        self.secrets.put_secret_value(
            SecretId=self.secret,
            ClientRequestToken=self.token,
            SecretString=value,
            VersionStages=["AWSPENDING"],
        )

    def set(self) -> None:
        """Doors first, then who knocks: no request carries a value that a rule does not know yet."""
        pending, current = self._pending(), self._value("AWSCURRENT")
        for region in self.settings.regions:
            self._accept(region, [pending, current])
        for distribution in self.settings.distributions:
            self._send(distribution, pending)

    def test(self, remaining: Callable[[], int], sleep: Callable[[float], None] = time.sleep) -> None:
        """Returns when every edge location sends the new value.

        Raises:
            RotationError: a distribution does not send it, or is not deployed in time.
        """
        pending = self._pending()
        for distribution in self.settings.distributions:
            config = self.cloudfront.get_distribution_config(Id=distribution)["DistributionConfig"]
            if set(self._sent(config)) != {pending}:
                raise RotationError(f"{distribution} does not send the new value to every origin")
            while self.cloudfront.get_distribution(Id=distribution)["Distribution"]["Status"] != "Deployed":
                if remaining() < RESERVE_MILLISECONDS:
                    raise RotationError(f"{distribution} is still being deployed; the next attempt goes on")
                sleep(POLL_SECONDS)

    def finish(self) -> None:
        """What was in use becomes the previous value, the pending one current."""
        versions = self._versions()
        current = next((version for version, stages in versions.items() if "AWSCURRENT" in stages), None)
        if current == self.token:
            return
        self.secrets.put_secret_value(
            SecretId=self.settings.previous_secret, SecretString=self._value("AWSCURRENT")
        )
        self.secrets.update_secret_version_stage(
            SecretId=self.secret,
            VersionStage="AWSCURRENT",
            MoveToVersionId=self.token,
            RemoveFromVersionId=current,
        )

    def _versions(self) -> dict[str, list[str]]:
        described = self.secrets.describe_secret(SecretId=self.secret)
        return dict(described.get("VersionIdsToStages", {}))

    def _stages(self) -> list[str]:
        """Stages of this rotation's version; none before its value is made."""
        return self._versions().get(self.token, [])

    def _value(self, stage: str) -> str:
        return str(self.secrets.get_secret_value(SecretId=self.secret, VersionStage=stage)["SecretString"])

    def _pending(self) -> str:
        found = self.secrets.get_secret_value(SecretId=self.secret, VersionId=self.token)
        return str(found["SecretString"])

    def _accept(self, region: str, values: list[str]) -> None:
        elb = boto3.client("elbv2", region_name=region)
        changed = 0
        for rule in _rules(elb, self.settings.load_balancer):
            conditions = [_condition(condition) for condition in rule["Conditions"]]
            for condition in conditions:
                config = condition.get("HttpHeaderConfig", {})
                if config.get("HttpHeaderName", "").lower() == self.settings.header.lower():
                    config["Values"] = values
                    elb.modify_rule(RuleArn=rule["RuleArn"], Conditions=conditions)
                    changed += 1
        if not changed:
            raise RotationError(f"no rule of {self.settings.load_balancer} in {region} asks for the header")

    def _send(self, distribution: str, value: str) -> None:
        answer = self.cloudfront.get_distribution_config(Id=distribution)
        config = answer["DistributionConfig"]
        if set(self._sent(config)) == {value}:
            return
        for header in self._headers(config):
            header["HeaderValue"] = value
        self.cloudfront.update_distribution(
            Id=distribution, IfMatch=answer["ETag"], DistributionConfig=config
        )

    def _headers(self, config: dict[str, Any]) -> Iterator[dict[str, str]]:
        for origin in config["Origins"]["Items"]:
            for header in origin.get("CustomHeaders", {}).get("Items", []):
                if header["HeaderName"].lower() == self.settings.header.lower():
                    yield header

    def _sent(self, config: dict[str, Any]) -> Iterator[str]:
        return (header["HeaderValue"] for header in self._headers(config))


def _rules(elb: Any, load_balancer: str) -> Iterator[dict[str, Any]]:
    (balancer,) = elb.describe_load_balancers(Names=[load_balancer])["LoadBalancers"]
    for page in elb.get_paginator("describe_listeners").paginate(LoadBalancerArn=balancer["LoadBalancerArn"]):
        for listener in page["Listeners"]:
            found = elb.get_paginator("describe_rules").paginate(ListenerArn=listener["ListenerArn"])
            yield from (rule for part in found for rule in part["Rules"] if not rule.get("IsDefault"))


def _condition(described: dict[str, Any]) -> dict[str, Any]:
    """A condition as ModifyRule takes it: DescribeRules gives its values twice, and only one may be sent."""
    configs = {key: value for key, value in described.items() if key.endswith("Config") and value}
    values = {} if configs else {"Values": described["Values"]}
    return {"Field": described["Field"], **configs, **values}
