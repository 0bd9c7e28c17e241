"""Secrets that somebody must fill are there in every region that reads them. Values are never read."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site

DELETED = "is about to be deleted"


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """A result for each secret and region; the key that pages is no must where nothing is protected."""
    environment, checked = site.environment, False
    for region in environment.regions:
        if environment.monitoring.pagerduty_events_url:
            checked = True
            yield _pages(site, report, region)
        for name in _of_services(site, region):
            checked = True
            yield _filled(site, report, region, name)
    if not checked:
        yield report.ok("no secret has to be filled by hand")


def _pages(site: Site, report: Reporter, region: str) -> Result:
    """Nothing makes it: it must be there before what reads it."""
    name = site.environment.names.secret("pagerduty")
    missing = _missing(site, region, name)
    if not missing:
        return report.ok(f"{name} has a value", region)
    if not site.environment.protect:
        return report.ok(f"{name} {missing}; {site.environment.name} pages nobody", region)
    mend = f"aws secretsmanager create-secret --region {region} --name {name} --secret-string <value>"
    return report.failed(f"{name} {missing}", mend, region)


def _filled(site: Site, report: Reporter, region: str, name: str) -> Result:
    """The service-secrets stack makes it, empty, unless one of that name is on its way out."""
    missing = _missing(site, region, name)
    if missing == DELETED:
        which = f"--region {region} --secret-id {name}"
        mend = f"aws secretsmanager delete-secret {which} --force-delete-without-recovery"
        return report.failed(f"{name} {missing}, and stands in the way of a new one", mend, region)
    if missing:
        return report.ok(f"{name} will be made, empty: fill it in after the deployment", region)
    return report.ok(f"{name} is there", region)


def _of_services(site: Site, region: str) -> list[str]:
    environment = site.environment
    return sorted(
        {
            environment.names.secret(name)
            for manifest in site.manifests
            if manifest.placement == "every-region" or region == environment.writer_region
            for name in manifest.secret_names
        }
    )


def _missing(site: Site, region: str, name: str) -> str:
    """Why nobody can read it; empty where it has a value."""
    try:
        secret = site.client("secretsmanager", region).describe_secret(SecretId=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return "does not exist"
    if secret.get("DeletedDate"):
        return DELETED
    stages = {stage for each in secret.get("VersionIdsToStages", {}).values() for stage in each}
    return "" if "AWSCURRENT" in stages else "has no value"
