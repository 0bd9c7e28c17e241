"""Deploys one stack with the CDK CLI, from a copy of the assembly of its own, and says how it went."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from ops import cdk
from ops.deploy import own_assembly
from ops.deploy.formation import Formation
from ops.local.deployment import reason
from ops.local.process import Child, Command
from stacks.yaml_file import ROOT

#: Clocks of this machine and of CloudFormation may differ by so much.
SKEW = timedelta(seconds=60)
_LOOK = 0.1


class Kind(StrEnum):
    """Why a stack is deployed: it is new, its template differs, or an output that it reads has changed."""

    CREATE = "create"
    UPDATE = "update"
    REFRESH = "refresh"


@dataclass(frozen=True)
class Outcome:
    """How it went; ``reason`` is empty where it went well."""

    stack: str
    seconds: float
    reason: str = ""


class Deployer:
    """Starts the CLI, one process a stack; none outlives this one. ``stop`` ends those that run."""

    def __init__(self, formation: Formation, assembly: Path, folder: Path, run: str) -> None:
        self.formation = formation
        self.assembly = assembly
        self.folder = folder
        self.run = run
        self.stopped = threading.Event()

    def deploy(self, stack: str, region: str, kind: Kind) -> Outcome:
        """Blocks until the stack is deployed, or is not."""
        began, since = time.monotonic(), datetime.now(UTC) - SKEW
        own = own_assembly.copy(self.assembly, self.folder / "assemblies" / stack)
        if kind is Kind.REFRESH:
            own_assembly.stamp(own, stack, self.run)
        log = self.folder / "logs" / f"{stack}.log"
        status = self._cli(stack, own, log)
        seconds = time.monotonic() - began
        if status == 0:
            return Outcome(stack, seconds)
        if self.stopped.is_set():
            return Outcome(stack, seconds, "stopped; CloudFormation goes on with what it had begun")
        words = self.formation.failure(stack, region, since)
        if not words:
            words = reason(log.read_text(encoding="utf-8", errors="replace").splitlines())
        return Outcome(stack, seconds, f"{words}; all of it is in {shown(log)}")

    def _cli(self, stack: str, own: Path, log: Path) -> int:
        arguments = [
            "deploy",
            stack,
            "--exclusively",
            f"--app={own}",
            f"--output={self.folder / 'output' / stack}",
            "--require-approval=never",
            "--progress=events",
            "--no-notices",
            "--no-color",
        ]
        environment = self.formation.environment.name
        child = Child(
            Command(
                tuple(cdk.command(arguments)),
                log,
                env=cdk.variables(environment) | {"CI": "true"},
                cwd=ROOT,
                death_signal=signal.SIGTERM,
            )
        )
        while child.alive():
            if self.stopped.is_set():
                child.stop()
            time.sleep(_LOOK)
        return child.exit_code if child.exit_code is not None else 1

    def stop(self) -> None:
        self.stopped.set()


def shown(path: Path) -> str:
    """As its reader would type it, from the repository where it is in it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
