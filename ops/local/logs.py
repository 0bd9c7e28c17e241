"""``richesreach logs``: the log of one process."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console

from ops.errors import UsageError
from ops.local import paths

POLL_SECONDS = 0.2


def logs(console: Console, name: str | None, *, lines: int, follow: bool) -> None:
    """Prints the last lines of a log, and goes on with what comes when asked to.

    Raises:
        UsageError: there is no log of that name.
    """
    known = sorted(path.stem for path in paths.LOGS.glob("*.log"))
    if name is None:
        console.print("\n".join(known) or "no logs yet; start the platform with `make up`", markup=False)
        return
    log = paths.LOGS / f"{name}.log"
    if name not in known:
        raise UsageError(f"there is no log {name!r}; there are {', '.join(known) or 'none'}")
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]:
        console.print(line, markup=False, soft_wrap=True)
    if follow:
        _follow(console, log)


def _follow(console: Console, log: Path) -> None:
    with log.open(encoding="utf-8", errors="replace") as stream:
        stream.seek(0, 2)
        while True:
            chunk = stream.read()
            if chunk:
                console.print(chunk, end="", markup=False, soft_wrap=True)
            else:
                time.sleep(POLL_SECONDS)
