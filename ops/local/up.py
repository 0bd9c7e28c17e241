"""``richesreach up``: from a clone to a serving platform, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console

from ops.lake import sample, site
from ops.local import daemon, deployment, preflight, readiness, tables
from ops.local.down import down
from stacks.environment import Environment, load_environment
from stacks.manifest import load_manifests


@dataclass
class Progress:
    """Says what goes on and how long it took: a spinner on a terminal, a line a step elsewhere."""

    console: Console

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        began = time.monotonic()
        if not self.console.is_terminal:
            self.console.print(f"… {title}")
        with self.console.status(title) as spinner:

            def say(detail: str) -> None:
                spinner.update(f"{title}: {detail}")

            yield say
        self.console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - began:.1f} s[/]")


def up(console: Console) -> None:
    """Deploys environment ``local`` and waits until everything serves.

    Ctrl-C stops what was started. A deployment that fails leaves the platform running, so that its logs
    and stacks can be looked at; running the command again goes on from there.

    Raises:
        ConfigurationError: an environment file or a manifest is wrong; nothing was started.
        OperationError: a port is taken, a stack failed, or a service does not become healthy.
    """
    environment = load_environment("local")
    load_manifests()
    progress = Progress(console)
    began = time.monotonic()
    try:
        _start(environment, progress)
        with progress.step("deploying the stacks") as say:
            deployment.deploy(environment, say)
        with progress.step("loading sample data"):
            for lake in site.lakes(environment.name, None)[1]:
                sample.write(lake, datetime.now(UTC))
        with progress.step("waiting until every target is healthy") as say:
            readiness.wait(environment, say)
    except KeyboardInterrupt:
        console.print("interrupted: stopping what was started")
        down(console)
        raise
    console.print()
    tables.endpoints(console, environment)
    console.print(f"up in {time.monotonic() - began:.0f} s")


def _start(environment: Environment, progress: Progress) -> None:
    if daemon.running() is None:
        with progress.step("checking ports and programs"):
            preflight.check(environment)
        with progress.step("starting the local AWS"):
            daemon.start(list(environment.regions))
    with progress.step("bootstrapping the regions") as say:
        deployment.bootstrap(environment, say)
