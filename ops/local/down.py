"""``richesreach down``: stops everything that `up` started, and nothing else."""

from __future__ import annotations

from rich.console import Console

from ops.errors import OperationError
from ops.local import daemon, paths, state
from ops.local.process import start_time


def down(console: Console) -> None:
    """Stops the supervisor, which stops its children; a child cannot outlive it.

    Raises:
        OperationError: a process is still there afterwards.
    """
    before = state.read(paths.STATE_FILE)
    children = {process.pid: start_time(process.pid) for process in before.processes if process.pid}
    if not daemon.stop():
        console.print("nothing runs")
        return
    left = [pid for pid, started in children.items() if started is not None and start_time(pid) == started]
    if left:
        raise OperationError(f"still running after the supervisor ended: pids {', '.join(map(str, left))}")
    console.print("stopped; `make up` starts afresh")
