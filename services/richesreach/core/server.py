"""Serve: uvicorn, and a shutdown that finishes what is in flight."""

import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from richesreach.core import collection
from richesreach.core.http_protocol import HttpProtocol
from richesreach.core.logs import logger
from richesreach.core.resilience.drain import Drain
from richesreach.core.settings import Settings
from richesreach.core.startup import read_settings

# Seconds. With the longest drain (8 s) less than the target group's deregistration delay (30 s), after which
# the load balancer gives up on requests in flight; ECS kills the task 10 s later.
GRACEFUL_SHUTDOWN = 20
# Longer than the load balancer keeps an idle connection (60 s): it must never reuse one that is being closed.
KEEP_ALIVE = 75
# Of one message of a WebSocket's client.
MAX_MESSAGE_BYTES = 64 * 1024


def run(create: Callable[[Settings], FastAPI]) -> None:
    """Serve until SIGTERM or SIGINT: drain, stop accepting, finish requests in flight, close the pools, exit
    0.
    """
    settings = read_settings()
    app = create(settings)
    # uvicorn raises the signal again once it has shut down; a drained task has not failed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: sys.exit(0))
    server = DrainingServer(serving(app, settings), app.state.drain)
    server.run()
    if not server.started:
        sys.exit(3)


def serving(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How every service serves."""
    return uvicorn.Config(
        app,
        host=settings.bind_address,
        port=settings.port,
        loop="uvloop",
        http=HttpProtocol,
        interface="asgi3",  # not to be guessed: the application hands out a coroutine, and is none
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        log_config=None,
        access_log=False,
        server_header=False,
        # Who asks is read from the header by `limits.callers`, which knows our proxies.
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN,
    )


class DrainingServer(uvicorn.Server):
    """Serves on after the first SIGTERM until the drain is over; a second one, or SIGINT, ends it at once."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self.drain = drain

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        collection.settle()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGTERM and self.drain.longest and not self.drain.draining:
            self.drain.begin()
            logger().info("draining", longest=self.drain.longest)
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        self.should_exit = self.should_exit or self.drain.over
        return await super().on_tick(counter)
