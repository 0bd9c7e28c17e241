"""``richesreach images``: from the sources to an image that serves, with its bill of materials."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ops.errors import OperationError, UsageError
from ops.images import audit, base, build, contents, installer, sbom, smoke, task, trust, updates, wheels
from ops.images.dockerfile import argument
from ops.images.engine import Engine
from ops.images.engine import engine as container_engine
from ops.images.places import IMAGES, LOCK, TOOLS_PYTHON
from ops.local.up import Progress
from stacks.environment import load_environment
from stacks.manifest import Manifest, load_manifests
from stacks.yaml_file import relative

#: Whose processors the libraries must have wheels for.
DEPLOYED = "prod"

AUDITS = ("online", "offline")


@dataclass(frozen=True)
class Row:
    """What was found out about one image. Size in bytes, times in seconds."""

    service: str
    size: int
    libraries: int
    packages: int
    built: float
    answered: float
    tasks: Sequence[str]
    audited: str


def images(console: Console, services: Sequence[str], how: str) -> None:
    """Builds, checks, runs, lists and audits the image of every service, or of those named.

    Raises:
        ConfigurationError: a manifest is wrong.
        OperationError: there is no engine, or an image fails a check.
        UsageError: there is no such service, or no such way to audit.
    """
    if how not in AUDITS:
        raise UsageError(f"--audit {how!r} is none of {', '.join(AUDITS)}")
    manifests = chosen(load_manifests(), services)
    if not TOOLS_PYTHON.exists():
        raise OperationError("the environment of the checks is missing; run `make images`")
    progress = Progress(console)
    architecture = load_environment(DEPLOYED).services.architecture
    with _alone(), container_engine() as engine:
        console.print("container engine: " + ("one of our own, ended afterwards" if engine.own else "yours"))
        with progress.step(f"wheels for {architecture}"):
            wheels.check(architecture, base.python(argument("BASE")))
        with progress.step("reading the task definitions"):
            containers = task.containers([manifest.name for manifest in manifests])
        recipes = _recipes(engine, progress, console, manifests)
        rows = [
            _image(engine, progress, recipe, manifest, containers[manifest.name], how)
            for recipe, manifest in zip(recipes, manifests, strict=True)
        ]
    console.print(_table(rows))


def chosen(manifests: Sequence[Manifest], names: Sequence[str]) -> list[Manifest]:
    """The manifests named; all where none is. Raises UsageError for a name that no service has."""
    known = {manifest.name: manifest for manifest in manifests}
    for name in names:
        if name not in known:
            raise UsageError(f"{name!r} is no service; choose one of {', '.join(known)}")
    return [known[name] for name in names or known]


@contextmanager
def _alone() -> Iterator[None]:
    """Two runs would share a daemon that the first to end would stop."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperationError("`richesreach images` already runs here; wait until it has ended") from None
        yield


def _recipes(
    engine: Engine, progress: Progress, console: Console, manifests: Sequence[Manifest]
) -> list[build.Recipe]:
    name = argument("BASE")
    with progress.step(f"base image {name}") as say:
        root = base.ensure(engine, name, say)
        libraries = installer.build(engine, root)
    if root != name:
        console.print(f"[yellow]{name} cannot be pulled here: Debian's packages stand in for it[/]")
    bundle = trust.bundle(engine, name)
    if not bundle.genuine:
        console.print(
            "[yellow]AWS is not reached: public roots stand in for the certificates of RDS."
            " These images are for these checks alone; a deployment builds its own[/]"
        )
    build.context(bundle)
    revision = build.revision()
    return [build.Recipe(manifest.name, name, libraries, bundle, revision) for manifest in manifests]


def _image(
    engine: Engine,
    progress: Progress,
    recipe: build.Recipe,
    manifest: Manifest,
    containers: Sequence[task.Container],
    how: str,
) -> Row:
    service, *tasks = containers
    began = time.monotonic()
    with progress.step(f"{manifest.name}: building"):
        build.build(engine, recipe)
    built = time.monotonic() - began
    with progress.step(f"{manifest.name}: what is in it"):
        found = contents.read(engine, recipe.image)
        wrong = contents.faults(found, service.mounts)
        if wrong:
            raise OperationError(f"the image of {manifest.name}: {'; '.join(wrong)}")
        sbom.write(sbom.path(manifest.name), sbom.compose(manifest.name, found))
    with progress.step(f"{manifest.name}: serving, and ending on SIGTERM"):
        answered = smoke.service(engine, recipe.image, service, manifest.health.path)
    started = []
    for each in tasks:
        with progress.step(f"{manifest.name}: starting {each.family}"):
            started.append(f"{' '.join(each.command)}: {smoke.task(engine, recipe.image, each)}")
    with progress.step(f"{manifest.name}: auditing"):
        audited = "not audited: offline"
        if how == "online":
            updates.check(engine, recipe.image)
            audited = f"{audit.audit(found.libraries)}, Debian"
    counts = (len(found.libraries), len(found.packages))
    return Row(manifest.name, found.size, *counts, built, answered, started, audited)


def _table(rows: Sequence[Row]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("image", "MB", "libraries", "packages", "built", "answers", "tasks", "advisories", "bill"):
        table.add_column(column)
    for row in rows:
        table.add_row(
            row.service,
            f"{row.size / 1e6:.0f}",
            str(row.libraries),
            str(row.packages),
            f"{row.built:.1f} s",
            f"{row.answered:.1f} s",
            "\n".join(row.tasks),
            row.audited,
            relative(sbom.path(row.service)),
        )
    return table
