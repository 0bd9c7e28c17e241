"""Secrets that somebody must fill are there in every region that reads them. Values are never read."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site

_NEED = "secrets:"


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """A result for each secret and region; the key that pages is no must where nothing is protected."""
    wanted = list(_wanted(site))
    for region, name, must in wanted:
        mend = f"aws secretsmanager create-secret --region {region} --name {name} --secret-string <value>"
        missing = _missing(site, region, name)
        if missing and must:
            yield report.failed(f"{name} {missing}", mend, region)
        elif missing:
            yield report.ok(f"{name} {missing}; {site.environment.name} pages nobody", region)
        else:
            yield report.ok(f"{name} has a value", region)
    if not wanted:
        yield report.ok("no secret has to be filled by hand")


def _wanted(site: Site) -> Iterator[tuple[str, str, bool]]:
    """Region, name and whether a deployment without it is refused."""
    environment = site.environment
    for region in environment.regions:
        if environment.monitoring.pagerduty_events_url:
            yield region, environment.names.secret("pagerduty"), environment.protect
        named = {
            need.removeprefix(_NEED)
            for manifest in site.manifests
            if manifest.placement == "every-region" or region == environment.writer_region
            for need in manifest.needs
            if need.startswith(_NEED)
        }
        for name in sorted(named):
            yield region, environment.names.secret(name), True


def _missing(site: Site, region: str, name: str) -> str:
    """Why nobody can read it; empty where it has a value."""
    try:
        secret = site.client("secretsmanager", region).describe_secret(SecretId=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return "does not exist"
    if secret.get("DeletedDate"):
        return "is about to be deleted"
    stages = {stage for each in secret.get("VersionIdsToStages", {}).values() for stage in each}
    return "" if "AWSCURRENT" in stages else "has no value"
