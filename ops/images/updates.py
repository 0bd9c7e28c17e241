"""Holds Debian's packages of an image against Debian's own security updates.

An update is in the suite ``<suite>-security`` because a security notice (DSA) mended something: what it would
replace has a known vulnerability. The image's own apt asks, with the image's own sources and keys.
"""

from __future__ import annotations

import re

from ops.errors import OperationError
from ops.images.engine import Engine

#: Seconds, for two lists of packages.
TIMEOUT = 300

#: Prints what an upgrade would install, and installs nothing. Nothing else of the image is touched: the
#: container is thrown away.
SIMULATE = (
    "apt-get -qq -o APT::Sandbox::User=root -o Acquire::Retries=2 -o APT::Update::Error-Mode=any update"
    " && apt-get -qq -s -o APT::Get::Show-User-Simulation-Note=false upgrade"
)

#: ``Inst libssl3t64 [3.5.1-1] (3.5.1-1+deb13u1 Debian-Security:13/stable-security [amd64])``
_UPDATE = re.compile(r"^Inst (?P<name>\S+) \[(?P<old>[^]]+)] \((?P<new>\S+) (?P<origin>[^)]*)\)")


def check(engine: Engine, image: str) -> None:
    """Makes sure that no security update waits for a package of ``image``.

    Raises:
        OperationError: one does, or Debian's lists cannot be read.
    """
    done = engine.attempt(
        *("run", "--rm", "--network", "host", "--user", "0", "--entrypoint", "sh"),
        *(image, "-c", SIMULATE),
        timeout=TIMEOUT,
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
        raise OperationError(
            f"{image}: Debian's security updates cannot be read ({lines[-1]}); where no mirror is reached,"
            " `make images AUDIT=offline` leaves the audit out"
        )
    waiting = pending(done.stdout)
    if waiting:
        raise OperationError(
            f"{image}: security updates wait for {'; '.join(waiting)}; build on a newer base"
            " (`make clean` removes the one kept here), or install them in services/Dockerfile"
        )


def pending(simulation: str) -> list[str]:
    """Packages that apt would take from a security suite, with both versions."""
    found = filter(None, map(_UPDATE.match, simulation.splitlines()))
    return [
        f"{update['name']} {update['old']} (mended in {update['new']})"
        for update in found
        if "security" in update["origin"].lower()
    ]
