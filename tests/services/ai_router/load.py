"""Asks one thing again and again over kept connections, as fast as it is answered: `python load.py JSON`.

Reads what to ask from its argument (`Load`), prints what came of it. HTTP/1.1 by hand: a client that cost as
much as a gateway would measure itself.
"""

import asyncio
import json
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import Any, cast

import httptools
import uvloop


@dataclass
class Load:
    """`targets` are host and port; clients take them in turn. Ends after `requests` answers or `seconds`."""

    targets: list[tuple[str, int]]
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    clients: int
    seconds: float
    requests: int = 10**9


@dataclass
class Done:
    """Seconds each answer took, of those with status 200; `bad` counts the others by status."""

    took: list[float] = field(default_factory=list)
    bad: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def summary(self) -> dict[str, Any]:
        """Answers, the median and the 99th percentile of their seconds, and all else."""
        many = len(self.took) > 1
        return {
            "answers": len(self.took),
            "median": statistics.median(self.took) if self.took else None,
            "p99": statistics.quantiles(self.took, n=100)[-1] if many else None,
            "bad": self.bad,
            "seconds": self.seconds,
        }


class Client(asyncio.Protocol):
    def __init__(self, request: bytes, done: Done, until: float, requests: int) -> None:
        self._request = request
        self._done = done
        self._until = until
        self._requests = requests
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpResponseParser(self)
        self._ask()

    def _ask(self) -> None:
        self._at = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        status = self._parser.get_status_code()
        if status == 200:
            self._done.took.append(now - self._at)
        else:
            self._done.bad[str(status)] = self._done.bad.get(str(status), 0) + 1
        if now >= self._until or len(self._done.took) >= self._requests:
            self._transport.close()
        else:
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self._done.bad["lost"] = self._done.bad.get("lost", 0) + 1
        self.over.set_result(None)


async def run(load: Load) -> Done:
    body = json.dumps(load.body).encode()
    done, started = Done(), time.perf_counter()
    clients = []
    for number in range(load.clients):
        host, port = load.targets[number % len(load.targets)]
        head = f"POST {load.path} HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: application/json\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
        request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
        client = Client(request, done, started + load.seconds, load.requests)
        await asyncio.get_running_loop().create_connection(lambda made=client: made, host, port)
        clients.append(client)
    await asyncio.gather(*(client.over for client in clients))
    done.seconds = time.perf_counter() - started
    return done


if __name__ == "__main__":
    sys.stdout.write(json.dumps(uvloop.run(run(Load(**json.loads(sys.argv[1])))).summary()))
