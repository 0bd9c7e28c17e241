"""Holds the libraries of an image against the known vulnerabilities, with pip-audit."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.errors import OperationError
from ops.images.contents import Library
from ops.images.places import IMAGES, TOOLS_PYTHON
from ops.local.paths import ROOT

#: Sources of advisories, asked in this order until one knows every library.
SOURCES = ("pypi", "osv")

#: Names another server with OSV's interface, such as a company's mirror of it.
OSV_URL = "RICHESREACH_OSV_URL"

#: Seconds, for one source.
TIMEOUT = 300


@dataclass(frozen=True)
class Verdict:
    """What one source says: a line a vulnerability, and the libraries that it does not know."""

    vulnerable: tuple[str, ...]
    unknown: tuple[str, ...]


def audit(libraries: Iterable[Library], folder: Path = IMAGES) -> str:
    """The source that knows every library and holds none vulnerable.

    Raises:
        OperationError: a library is vulnerable, or no source can be asked about all of them.
    """
    installed = folder / "installed.txt"
    installed.write_text("".join(f"{each.name}=={each.version}\n" for each in libraries))
    reasons = []
    for source in SOURCES:
        done = subprocess.run(
            command(source, installed),
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=TIMEOUT,
            check=False,
        )
        try:
            found = verdict(json.loads(done.stdout))
        except ValueError:
            (folder / f"audit-{source}.log").write_text(done.stderr)
            reasons.append(f"{source} does not answer")
            continue
        if found.vulnerable:
            raise OperationError(f"known vulnerabilities: {'; '.join(found.vulnerable)}")
        if not found.unknown:
            return source
        reasons.append(f"{source} knows nothing of {', '.join(found.unknown[:3])}")
    raise OperationError(
        f"no source of advisories can be asked ({'; '.join(reasons)}); where none is reached,"
        " `make images AUDIT=offline` leaves the audit out"
    )


def command(source: str, installed: Path) -> list[str]:
    """pip-audit on exactly what is installed: nothing is resolved, nothing downloaded."""
    mirror = os.environ.get(OSV_URL)
    address = ("--osv-url", mirror) if source == "osv" and mirror else ()
    options = ("--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json", "--timeout=20")
    return [
        *(str(TOOLS_PYTHON), "-m", "pip_audit", "--requirement", str(installed)),
        *("--vulnerability-service", source, *address, *options),
    ]


def verdict(report: Any) -> Verdict:
    """Reads pip-audit's report. A library that it skips was not audited, whatever its exit status says."""
    vulnerable, unknown = [], []
    for each in report["dependencies"]:
        if "skip_reason" in each:
            unknown.append(str(each["name"]))
        for known in each.get("vulns", ()):
            mend = ", ".join(known["fix_versions"]) or "no version"
            vulnerable.append(f"{each['name']} {each['version']} has {known['id']}, mended in {mend}")
    return Verdict(tuple(vulnerable), tuple(unknown))
