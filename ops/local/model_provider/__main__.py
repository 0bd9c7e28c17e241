"""`python -m ops.local.model_provider --host 127.0.0.1 --port 8090`: serve until SIGTERM.

Runs with the services' interpreter (`.venv-services`), which has httptools and uvloop.
"""

import argparse
import asyncio
import signal
from ipaddress import ip_address

import uvloop

from ops.local.model_provider.rules import Rules
from ops.local.model_provider.server import Connection, Mock


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.local.model_provider", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", type=_loopback, help="a loopback address")
    parser.add_argument("--port", default=8090, type=int)
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.host, arguments.port))


def _loopback(text: str) -> str:
    try:
        loopback = ip_address(text).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise argparse.ArgumentTypeError(f"{text} is no loopback address, and a mock serves no other")
    return text


async def serve(host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    mock = Mock(Rules())
    server = await loop.create_server(lambda: Connection(mock), host, port, reuse_port=False, backlog=2048)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    main()
