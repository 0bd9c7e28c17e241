"""Builds the image of one service from a copy of its sources."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OperationError
from ops.images.engine import Engine
from ops.images.places import CONTEXT, SERVICES, build_log
from ops.images.trust import Bundle
from ops.local.paths import ROOT

#: Seconds.
BUILD = 1800

SOURCES = ("Dockerfile", ".dockerignore", "requirements.txt")


@dataclass(frozen=True)
class Recipe:
    """What a service's image is built with."""

    service: str
    base: str
    installer: str
    bundle: Bundle
    revision: str

    @property
    def image(self) -> str:
        return f"richesreach/{self.service}"

    @property
    def arguments(self) -> list[str]:
        """Of the client. The build uses this machine's network, which may be the only one with a way out."""
        values = {
            "SERVICE": self.service,
            "BASE": self.base,
            "BUILD_BASE": self.installer,
            "RDS_CA_BUNDLE": f"certificates/{self.bundle.path.name}",
            "RDS_CA_SHA256": self.bundle.sha256,
            "REVISION": self.revision,
        }
        pairs = [part for name, value in values.items() for part in ("--build-arg", f"{name}={value}")]
        return ["build", "--network", "host", *pairs, "--tag", self.image, str(CONTEXT)]


def context(bundle: Bundle, folder: Path = CONTEXT, services: Path = SERVICES) -> None:
    """Copies the sources, so that nothing is put beside them: their checksum is the tag that AWS knows."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in SOURCES:
        shutil.copy2(services / name, folder / name)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(services / "richesreach", folder / "richesreach", ignore=ignored)
    (folder / "certificates").mkdir()
    shutil.copy2(bundle.path, folder / "certificates" / bundle.path.name)


def build(engine: Engine, recipe: Recipe) -> None:
    """Raises OperationError with the line that says why; the whole is in the service's build log."""
    done = engine.attempt(*recipe.arguments, timeout=BUILD)
    log, text = build_log(recipe.service), done.stdout + done.stderr
    log.write_text(text)
    if done.returncode:
        raise OperationError(f"the image of {recipe.service} does not build ({log}): {reason(text)}")


def reason(log: str) -> str:
    """The line of a build log that says what went wrong, rather than which step it was."""
    # BuildKit puts a number and a time before what a step writes.
    lines = [re.sub(r"^#\d+ ([\d.]+ )?", "", line.strip()) for line in log.splitlines() if line.strip()]
    for sign in ("unexpected .pth", "RDS_CA_SHA256", "ERROR: ", "Error: ", "error: "):
        for line in lines:
            # The step itself is printed too, with the message in its source.
            if sign in line and "RUN " not in line and "echo " not in line:
                return line
    return lines[-1] if lines else "it wrote nothing"


def revision() -> str:
    """The commit that is built, with ``-dirty`` where the tree differs from it; unknown outside git."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"
