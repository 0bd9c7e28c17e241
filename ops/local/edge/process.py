"""Running one of the edge's processes: servers on loopback addresses, and an orderly end on SIGTERM."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

DRAIN_SECONDS = 1.5
"""What requests under way get after SIGTERM; the whole process is gone in less than three."""


class NotLoopbackError(ValueError):
    """An address outside 127.0.0.0/8, which nothing of the local platform may use."""


def require_loopback(address: str) -> str:
    """`address` itself, or NotLoopbackError."""
    if not (address == "localhost" or address.startswith("127.")):
        raise NotLoopbackError(f"{address} is outside 127.0.0.0/8; the local platform stays on this machine")
    return address


async def listen(handler: Handler, address: str, port: int) -> web.ServerRunner:
    """Serve `handler`; raises OSError when the port is taken. Ended by the runner's `cleanup()`."""
    server = web.Server(handler, access_log=None, keepalive_timeout=75)
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=DRAIN_SECONDS)
    await runner.setup()
    site = web.TCPSite(runner, require_loopback(address), port, backlog=1024)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return runner


async def until_terminated() -> None:
    """Return on SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
