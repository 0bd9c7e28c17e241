"""The Flink job's package is built, or can be: a deployment uploads it before it changes the application."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from ops.flink.build import FOLDER
from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site
from stacks.flink.contents import fingerprint

KIND = "AWS::KinesisAnalyticsV2::Application"


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """One result, for all regions run the same job."""
    if not list(site.resources(KIND)):
        yield report.ok("no Flink job is deployed")
        return
    name = f"{fingerprint()[:12]}"
    if (FOLDER / f"{fingerprint()}.zip").is_file():
        yield report.ok(f"package {name} is built")
    elif shutil.which("mvn"):
        yield report.ok(
            f"package {name} is not built; the deployment builds it, with jars from Maven Central"
        )
    else:
        yield report.failed(
            f"package {name} is not built, and there is no Maven to fetch its jars",
            "install Maven (apt-get install maven), or deploy where `make flink-package` has run",
        )
