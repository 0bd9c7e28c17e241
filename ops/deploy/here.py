"""Who runs the command here, from which state of the tree, under which id; and how a signal ends it."""

from __future__ import annotations

import getpass
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from ops.deploy.asking import Account, asking
from ops.local.process import start_time
from stacks.yaml_file import ROOT


@dataclass(frozen=True)
class Who:
    """Whoever runs a command: the caller as AWS knows it, host, and process: its id with the tick at which it
    started names one for good."""

    name: str
    host: str
    pid: int
    started: int

    def __str__(self) -> str:
        return f"{self.name} on {self.host}"


def who(account: Account, region: str) -> Who:
    """The caller. On the local AWS everyone is the same, so that the user's name counts there."""
    host, user = socket.gethostname(), getpass.getuser()
    pid, started = os.getpid(), start_time(os.getpid()) or 0
    if account.environment == "local":
        return Who(user, host, pid, started)
    with asking(account.environment, "no usable AWS credentials"):
        arn = str(account.client("sts", region).get_caller_identity()["Arn"])
    return Who(arn.rpartition(":")[2], host, pid, started)


def new_id() -> str:
    """Sorts by time; two at the same second differ."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def revision() -> str:
    """Of the working tree; ``+`` where something in it is not committed. Empty outside of git."""
    head = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    changed = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM, as CI sends it, ends a run as Ctrl-C does: children stopped, lock given back."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
