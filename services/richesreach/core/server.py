"""Serve: uvicorn, and a shutdown that finishes what is in flight."""

import signal
import sys
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from richesreach.core.settings import Settings
from richesreach.core.startup import read_settings

# Seconds. ECS kills a task 30 s after it asked it to stop; the pools need a little of that.
GRACEFUL_SHUTDOWN = 20
# Longer than the load balancer keeps an idle connection (60 s): it must never reuse one that is being closed.
KEEP_ALIVE = 75


def run(create: Callable[[Settings], FastAPI]) -> None:
    """Serve until SIGTERM or SIGINT: stop accepting, finish requests in flight, close the pools, exit 0."""
    settings = read_settings()
    # uvicorn raises the signal again once it has shut down; a drained task has not failed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: sys.exit(0))
    uvicorn.run(
        create(settings),
        host=settings.bind_address,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN,
    )
