"""Every library has a wheel for every architecture that is deployed to, not for this machine's alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ops.errors import OperationError
from ops.images.places import IMAGES, SERVICES, TOOLS_PYTHON

#: As the environment files call an architecture, and as wheels do.
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}

#: Versions of the C library, by PEP 600, that Debian's is newer than and that wheels are made for.
LIBRARIES = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")

#: Seconds.
TIMEOUT = 600


def check(architecture: str, python: str, requirements: Path = SERVICES / "requirements.txt") -> None:
    """Resolves the lock for another machine, hashes and all; installs nothing.

    Raises:
        OperationError: a library has no wheel there; the text is what pip says.
    """
    done = subprocess.run(
        command(architecture, python, requirements),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        wanted = next((line for line in lines if line.startswith("ERROR: No matching")), lines[-1])
        raise OperationError(f"the libraries do not install on {architecture}: {wanted}")


def command(architecture: str, python: str, requirements: Path) -> list[str]:
    """pip as on Python ``python`` (3.13) of that architecture."""
    platforms = [f"--platform={library}_{MACHINES[architecture]}" for library in LIBRARIES]
    return [
        *(str(TOOLS_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run"),
        *("--target", str(IMAGES / "wheels"), f"--python-version={python}", *platforms),
        *("--only-binary=:all:", "--no-deps", "--require-hashes", "--requirement", str(requirements)),
    ]
