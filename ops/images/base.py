"""The base image: pulled, or where no registry is reached made from Debian's packages under the same name."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from ops.errors import OperationError
from ops.images.engine import Engine
from ops.images.places import IMAGES, SCRATCH

Say = Callable[[str], None]

#: Before libraries are installed in it: the base, with pip where the base has none.
INSTALLER = "richesreach/installer"

MIRROR = "http://deb.debian.org/debian"
PACKAGES = "ca-certificates,python3"

#: Seconds.
PULL = 600
BOOTSTRAP = 1200

#: What debootstrap copies from this machine or leaves behind; the engine gives a container its own.
LEFTOVERS = (
    *("etc/hostname", "etc/resolv.conf", "var/lib/apt/lists/*", "var/cache/apt/*", "var/cache/debconf/*-old"),
    *("var/lib/dpkg/*-old", "var/log/**/*.log", "var/log/alternatives*"),
)


def ensure(engine: Engine, base: str, say: Say) -> str:
    """Makes ``base`` present; gives the image that libraries are installed in.

    Raises:
        OperationError: it can neither be pulled nor made.
    """
    if _is_present(engine, base):
        return INSTALLER if _is_present(engine, INSTALLER) else base
    say(f"pulling {base}")
    pulled = engine.attempt("pull", "--quiet", base, timeout=PULL)
    if pulled.returncode == 0:
        return base
    reason = (pulled.stderr.strip().splitlines() or ["no reason given"])[-1]
    if not engine.own:
        # What somebody else's engine calls by this name must be the real one.
        raise OperationError(f"{base} cannot be pulled: {reason}")
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise OperationError(
            f"{base} cannot be pulled ({reason}), and without debootstrap it cannot be made from Debian's"
            " packages; as root: apt-get install --no-install-recommends debootstrap"
        )
    _make(engine, base, say)
    return INSTALLER


def suite(base: str) -> str:
    """Debian's suite in a name such as ``python:3.13-slim-trixie``."""
    return base.rpartition("-")[2]


def python(base: str) -> str:
    """Python's version in such a name: the libraries' wheels are for one."""
    return base.rpartition(":")[2].partition("-")[0]


def sources(mirror: str, name: str) -> str:
    """Package sources of a suite, security updates among them."""
    return "".join(
        f"deb {place} main\n"
        for place in (f"{mirror} {name}", f"{mirror} {name}-updates", f"{mirror}-security {name}-security")
    )


def _make(engine: Engine, base: str, say: Say) -> None:
    mirror = os.environ.get("DEBIAN_MIRROR", MIRROR).rstrip("/")
    root = SCRATCH / "root"
    _clear()
    SCRATCH.mkdir(parents=True)
    try:
        say(f"making {base} of Debian's packages")
        include = f"--include={PACKAGES}"
        _do(["debootstrap", "--variant=minbase", include, suite(base), str(root), mirror])
        _unmount()
        (root / "etc/apt/sources.list").write_text(sources(mirror, suite(base)))
        # Debian calls it python3 alone; the image of this name has it here.
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        _apt(root, "update")
        _apt(root, "upgrade")
        installer = SCRATCH / "installer"
        _do(["cp", "--archive", str(root), str(installer)])
        say("adding pip, for the build alone")
        _apt(installer, "install", "python3-pip")
        # The base comes last: that it is there says that all of this was done.
        _import(engine, installer, INSTALLER)
        forget(root)
        _import(engine, root, base)
        _check_version(engine, base)
    finally:
        _clear()


def _clear() -> None:
    """Removes the scratch folder, and nothing that is mounted in it."""
    _unmount()
    shutil.rmtree(SCRATCH, ignore_errors=True)


def _unmount() -> None:
    """debootstrap mounts /proc and /sys, and says nothing where it could not take one away again: a copy of
    the system would then hold this machine's memory."""
    for place in mounted(SCRATCH, Path("/proc/self/mounts").read_text(encoding="utf-8")):
        _do(["umount", "--lazy", place])


def mounted(folder: Path, table: str) -> list[str]:
    """Mount points below ``folder`` in a table as of fstab(5), the deepest first."""
    points = (line.split()[1] for line in table.splitlines())
    return sorted((point for point in points if point.startswith(f"{folder}/")), reverse=True)


def forget(root: Path) -> None:
    """Removes what names this machine, or would make two builds of one day differ."""
    for pattern in LEFTOVERS:
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    (root / "etc/machine-id").write_text("")


def _apt(root: Path, *arguments: str) -> None:
    options = ("-qq", "--yes", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0")
    _do(["chroot", str(root), "apt-get", *options, *arguments], DEBIAN_FRONTEND="noninteractive")


def _import(engine: Engine, root: Path, name: str) -> None:
    archive = SCRATCH / "root.tar"
    _do(["tar", "--numeric-owner", "--sort=name", "-C", str(root), "-cf", str(archive), "."])
    engine.run("import", str(archive), name, timeout=PULL)
    archive.unlink()


def _check_version(engine: Engine, base: str) -> None:
    """The stand-in must be what its name says."""
    wanted = python(base)
    version = engine.run("run", "--rm", "--network", "none", base, "python", "--version").split()[-1]
    if not f"{version}.".startswith(f"{wanted}."):
        engine.run("image", "rm", base)
        raise OperationError(
            f"Debian {suite(base)} has Python {version}, not {wanted}; pull {base} where that can be done"
        )


def _is_present(engine: Engine, name: str) -> bool:
    return engine.attempt("image", "inspect", name).returncode == 0


def _do(command: list[str], **variables: str) -> None:
    """Raises OperationError with the last line of what failed; the whole is in base.log."""
    log = IMAGES / "base.log"
    with log.open("a") as output:
        done = subprocess.run(
            command,
            env={**os.environ, **variables},
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=BOOTSTRAP,
            check=False,
        )
    if done.returncode:
        lines = log.read_text(errors="replace").strip().splitlines() or ["it wrote nothing"]
        raise OperationError(f"{command[0]} failed ({log}): {lines[-1]}")
