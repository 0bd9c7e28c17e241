"""The CDK's own stack is in every region, new enough, and of the qualifier that the templates name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """A result for each region that has a stack."""
    for region in site.regions:
        needed: dict[str, int] = {}
        for stack in site.stacks.values():
            if stack.region == region:
                _require(stack.template, needed)
        mend = f"richesreach cdk --env {site.environment.name} bootstrap aws://{site.account}/{region}"
        if not needed:
            yield report.ok("the stacks need none", region)
        for parameter, version in needed.items():
            yield _compare(site, report, region, parameter, version, mend)


def _require(template: Mapping[str, Any], needed: dict[str, int]) -> None:
    """The templates name the parameter, and in a rule the versions that are too old."""
    parameter = template.get("Parameters", {}).get("BootstrapVersion", {}).get("Default")
    if parameter is None:
        return
    asserted = template["Rules"]["CheckBootstrapVersion"]["Assertions"][0]["Assert"]
    too_old = asserted["Fn::Not"][0]["Fn::Contains"][0]
    needed[parameter] = max(needed.get(parameter, 0), max(int(each) for each in too_old) + 1)


def _compare(site: Site, report: Reporter, region: str, parameter: str, needed: int, mend: str) -> Result:
    try:
        found = int(site.client("ssm", region).get_parameter(Name=parameter)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        return report.failed(f"the region is not bootstrapped: there is no {parameter}", mend, region)
    if found < needed:
        return report.failed(f"bootstrapped with version {found}, the stacks need {needed}", mend, region)
    return report.ok(f"version {found}, {needed} is needed", region)
