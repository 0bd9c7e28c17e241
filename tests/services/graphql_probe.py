"""A cached query over HTTP at 1,000 requests a second, for `make bench`: `python graphql_probe.py ROUNDS`.

Prints JSON: the 99th percentile of each round in milliseconds, and what a request takes of the gateway's
processor. Requests leave by the clock, whether or not earlier ones are back, and their time begins when they
should have left: a gateway that is late is seen to be.
"""

import asyncio
import io
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "services")]

import cache_servers  # noqa: E402
import postgres_servers  # noqa: E402
import psutil  # noqa: E402
import uvloop  # noqa: E402
from asking import UNLIMITED  # noqa: E402
from gateway_task import ServiceProcess, task_environment  # noqa: E402
from loopback import accepts, own_address, until  # noqa: E402
from richesreach.core import logs  # noqa: E402

RATE, SECONDS, CONNECTIONS = 1_000, 10, 32
QUERY = """query Quote($name: String!) { symbol(name: $name) {
    name currentPrice priceHistory(limit: 30) { timestamp price } signals(limit: 5) { direction confidence }
} }"""
BODY = json.dumps({"query": QUERY, "variables": {"name": "AAPL"}}).encode()
REQUEST = (
    b"POST /graphql HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


class Connection(asyncio.Protocol):
    """One request at a time; `answered` is done when its answer is complete."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[bytes] | None = None
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, separator, body = self._read.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length and self.answered is not None:
            self._read = b""
            self.answered.set_result(head)

    async def ask(self) -> None:
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(REQUEST)
        head = await self.answered
        assert head.startswith(b"HTTP/1.1 200"), head


async def times(host: str, port: int, seconds: int) -> list[float]:
    """Seconds that each request took from when it should have left."""
    loop = asyncio.get_running_loop()
    connections = [(await loop.create_connection(Connection, host, port))[1] for _ in range(CONNECTIONS)]
    began, number, found = time.perf_counter() + 0.05, 0, []

    async def send(connection: Connection) -> None:
        nonlocal number
        while number < RATE * seconds:
            due = began + number / RATE
            number += 1
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await connection.ask()
            found.append(time.perf_counter() - due)

    await asyncio.gather(*(send(connection) for connection in connections))
    for connection in connections:
        connection.transport.close()
    return found


async def measured(host: str, port: int, process: psutil.Process, rounds: int) -> dict[str, list[float]]:
    await times(host, port, 2)  # to warm up
    found: dict[str, list[float]] = {"ours": [], "middle": [], "processor": []}
    for _ in range(rounds):
        before = sum(process.cpu_times()[:2])
        taken = sorted(await times(host, port, SECONDS))
        found["ours"].append(taken[int(len(taken) * 0.99)] * 1000)
        found["middle"].append(taken[len(taken) // 2] * 1000)
        found["processor"].append((sum(process.cpu_times()[:2]) - before) / len(taken) * 1e6)
    return found


def main(rounds: int) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as scratch, cache_servers.cache_pair() as caches:
        folder = Path(scratch)
        folder.chmod(0o755)
        server = postgres_servers.copy_of(
            postgres_servers.make_template(folder / "template"), folder / "filled"
        )
        server.start()
        one = postgres_servers.PostgresCluster(server, server)
        common = task_environment(one, caches)
        migration = ServiceProcess("richesreach.gateway.migrate", {**common, "ENVIRONMENT": "local"})
        assert migration.wait() == 0, migration.output()
        host, port = own_address()
        told = {**common, **UNLIMITED, "LOG_LEVEL": "INFO", "BIND_ADDRESS": host, "PORT": str(port)}
        gateway = ServiceProcess("richesreach.gateway", told)
        try:
            until(lambda: accepts(host, port), "the gateway listens", patience=120)
            process = psutil.Process(gateway.process.pid)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(measured(host, port, process, rounds))
        finally:
            gateway.kill()
            server.stop()


if __name__ == "__main__":
    logs.configure(service="bench", region="local", level="INFO", stream=io.StringIO())
    print(json.dumps(main(int(sys.argv[1]))))  # noqa: T201
