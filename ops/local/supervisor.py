"""The daemon behind `richesreach up`: starts the local AWS and makes processes match what is deployed in it.

`python -m ops.local.supervisor`, with RICHESREACH_REGIONS (comma-separated, home region first); a region that
is bootstrapped later joins them. It ends in order on SIGTERM or SIGINT. Killed outright, it takes every child
with it (each asked the kernel for that), and the next start begins anew: the local AWS keeps its state in
memory, so data of an earlier run belongs to nothing and is deleted.
"""

import ctypes
import fcntl
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from ops.local import paths
from ops.local.aws import client, endpoint
from ops.local.board import Board
from ops.local.local_aws import LocalAwsServer
from ops.local.loops import Loop, in_order
from ops.local.reconcilers.addresses import Addresses
from ops.local.reconcilers.answers import Answers
from ops.local.reconcilers.aurora import Aurora, install
from ops.local.reconcilers.cache import Cache
from ops.local.reconcilers.ecs import Ecs
from ops.local.reconcilers.models import Models
from ops.local.reconcilers.regions import Regions
from ops.local.reconcilers.report import Reconciler
from ops.local.reconcilers.secrets import Clients
from ops.local.reconcilers.service_connect import ServiceConnect
from ops.local.reconcilers.stream import Stream
from ops.local.reconcilers.tasks import Host
from ops.local.reconcilers.traffic import Edge, LoadBalancers
from ops.local.starting import DatabasesFirst

PR_SET_CHILD_SUBREAPER = 36
LOAD_BALANCER_NETWORK = "127.80"
TASK_NETWORK = "127.90"
NAME_NETWORK = "127.95"

logger = logging.getLogger("supervisor")


class UsageError(SystemExit):
    """The daemon cannot start as it was called."""


def regions() -> tuple[str, ...]:
    """The regions to reconcile, from RICHESREACH_REGIONS."""
    named = tuple(r.strip() for r in os.environ.get("RICHESREACH_REGIONS", "").split(",") if r.strip())
    if not named:
        raise UsageError("error: RICHESREACH_REGIONS is empty: give the regions, e.g. us-east-1,eu-west-1")
    return tuple(dict.fromkeys(named))


def lock() -> TextIO:
    """Hold the one place of a supervisor of this state folder, and write the pid file.

    The lock tells whether one runs, not the file: it goes with the process, a stale file means nothing.
    """
    held = (paths.RUN / "supervisor.lock").open("a")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(
            f"error: a supervisor runs already for {paths.STATE}: `richesreach down` ends it"
        ) from error
    paths.PID_FILE.write_text(f"{os.getpid()}\n")
    return held


def loops_of(board: Board, named: tuple[str, ...]) -> list[Loop]:
    """Every reconciler in its loop, in the order in which they are to end."""
    data, logs = paths.DATA, paths.LOGS
    shutil.rmtree(data / "tasks", ignore_errors=True)
    everywhere = Regions(client, named)
    connect = ServiceConnect(Addresses(NAME_NETWORK, named), paths.CONNECT_FILE, logs)
    tasks, balancers = Addresses(TASK_NETWORK, named), Addresses(LOAD_BALANCER_NETWORK, named)

    def ecs(clients: Clients) -> Reconciler:
        host = Host(clients, logs, data / "tasks")
        return Ecs(host, everywhere, tasks, paths.RUN, DatabasesFirst(board), connect=connect)

    def loop(make: Callable[[Clients], Reconciler]) -> Loop:
        answers = Answers(client)
        return Loop(make(answers), board, answers)

    return [
        loop(ecs),
        loop(lambda _: connect),
        loop(lambda clients: LoadBalancers(clients, everywhere, balancers, logs, paths.LOAD_BALANCERS_FILE)),
        loop(lambda clients: Edge(clients, logs)),
        loop(lambda clients: Models(clients, named[0], logs)),
        loop(lambda clients: Cache(clients, everywhere, data / "cache", logs)),
        loop(lambda clients: Stream(clients, everywhere, logs)),
        loop(lambda clients: Aurora(clients, everywhere, install(data / "postgres", logs))),
    ]


def forget_earlier_run() -> None:
    """Remove what an earlier supervisor left: files that name addresses and health of processes long gone."""
    for stale in (
        paths.STATE_FILE,
        paths.LOAD_BALANCERS_FILE,
        paths.CONNECT_FILE,
        *paths.RUN.glob("targets-*.json"),
    ):
        stale.unlink(missing_ok=True)


def serve(stopping: threading.Event) -> int:
    """Run until `stopping` is set or the local AWS ends; the exit code."""
    named = regions()
    forget_earlier_run()
    board = Board(paths.STATE_FILE, endpoint())
    server = LocalAwsServer(board, paths.LOGS / "local-aws.log", paths.DATA / "local-aws")
    loops: list[Loop] = []
    try:
        if not server.start(stopping):
            return 0 if stopping.is_set() else 1
        loops = loops_of(board, named)
        for loop in loops:
            loop.start()
        while not stopping.wait(0.25):
            if not server.alive():
                return 1
        return 0
    finally:
        in_order(loops)
        server.stop()
        board.stopped()
        end_orphans()


def end_orphans() -> None:
    """End what children left behind: as their subreaper this process is the parent of every orphan."""
    while orphans := children():
        for pid in orphans:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def children() -> list[int]:
    """Ids of the processes whose parent this one is now."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == os.getpid():
            found.append(int(stat.parent.name))
    return found


def main() -> None:
    """Be the daemon until told to end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
    paths.create()
    held = lock()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        code = serve(stopping)
    finally:
        paths.PID_FILE.unlink(missing_ok=True)
        held.close()
    sys.exit(code)


if __name__ == "__main__":
    main()
