"""GuardDuty, Config and Security Hub exist once per account and region: a second one fails the deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site

_MEND = (
    "set security.account_baseline to false in environments/{name}.yaml, or remove what the account has first"
)


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """In each region, for what of the baseline the stacks would make and have not made yet."""
    if not site.environment.security.account_baseline:
        yield report.ok("the account's baseline is left to others")
        return
    for region in site.regions:
        found = [
            what
            for kind, (what, exists) in _ONCE.items()
            if any(site.resources(kind, region)) and not site.deployed_ids(kind, region)
            if exists(site, region)
        ]
        if found:
            yield report.failed(
                f"the account has {' and '.join(found)} already",
                _MEND.format(name=site.environment.name),
                region,
            )
        else:
            yield report.ok("nothing of the account's baseline is in the way", region)


def _detector(site: Site, region: str) -> bool:
    return bool(site.client("guardduty", region).list_detectors()["DetectorIds"])


def _recorder(site: Site, region: str) -> bool:
    return bool(site.client("config", region).describe_configuration_recorders()["ConfigurationRecorders"])


def _hub(site: Site, region: str) -> bool:
    try:
        site.client("securityhub", region).describe_hub()
    except ClientError as error:
        if error.response["Error"]["Code"] in {"InvalidAccessException", "ResourceNotFoundException"}:
            return False
        raise
    return True


_Exists = Callable[[Any, str], bool]
_ONCE: dict[str, tuple[str, _Exists]] = {
    "AWS::GuardDuty::Detector": ("a GuardDuty detector", _detector),
    "AWS::Config::ConfigurationRecorder": ("a Config recorder", _recorder),
    "AWS::SecurityHub::Hub": ("Security Hub", _hub),
}
