"""The database's version can be had in each of its regions, as a member of a global database if it is one."""

from __future__ import annotations

from collections.abc import Iterator

from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site

_ENGINE = "aurora-postgresql"


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """Asks RDS of each data region."""
    database = site.environment.database
    for region in site.environment.data_regions:
        found = site.client("rds", region).describe_db_engine_versions(
            Engine=_ENGINE, EngineVersion=database.engine_version
        )["DBEngineVersions"]
        said = f"{_ENGINE} {database.engine_version}"
        if not found:
            yield report.failed(
                f"RDS does not offer {said}",
                "set database.engine_version to one of `aws rds"
                f" describe-db-engine-versions --region {region} --engine {_ENGINE}`",
                region,
            )
        elif database.is_global and not found[0].get("SupportsGlobalDatabases", True):
            yield report.failed(
                f"{said} cannot join a global database there",
                "take the region out of data_regions, or choose another version",
                region,
            )
        else:
            yield report.ok(f"RDS offers {said}", region)
