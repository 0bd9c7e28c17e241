"""The operator of the ticks' bench, in a process of its own, with its snapshots in a folder.

    python operator_process.py <kafka host:port> <cache host:port> <folder> <snapshot seconds>

Says `{"ready": …}` once it has partitions; then each line it reads is answered with what it has spent. It is
the service's operator and teller; only the lake is a folder.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[2] / "services")]

import uvloop  # noqa: E402
from prometheus_client import CollectorRegistry  # noqa: E402
from richesreach.core import collection  # noqa: E402
from richesreach.core.cache import Nodes  # noqa: E402
from richesreach.core.endpoints import Endpoint, StreamAddress  # noqa: E402
from richesreach.core.events.accounting import Teller  # noqa: E402
from richesreach.core.events.connection import connection  # noqa: E402
from richesreach.core.events.metrics import EventMetrics  # noqa: E402
from richesreach.stream.metrics import StreamMetrics  # noqa: E402
from richesreach.stream.operator import Operator  # noqa: E402
from richesreach.stream.settings import StreamSettings  # noqa: E402
from richesreach.stream.snapshot_store import LakeSnapshots  # noqa: E402


class Folder:
    """Objects as files."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self, prefix: str, most: int) -> list[str]:
        found = (file.relative_to(self._path).as_posix() for file in self._path.rglob("*") if file.is_file())
        return sorted(name for name in found if name.startswith(prefix))[:most]

    def read(self, name: str) -> bytes:
        return (self._path / name).read_bytes()

    def write(self, name: str, value: bytes) -> None:
        file = self._path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(value)


def endpoint(text: str) -> Endpoint:
    host, _, port = text.rpartition(":")
    return Endpoint(host, int(port))


async def run(kafka: str, cache: str, folder: str, snapshot_seconds: str) -> None:
    nodes = Nodes("cache", [endpoint(cache)], [endpoint(cache)], tls=False)
    registry = CollectorRegistry()
    metrics = StreamMetrics(registry)
    operator = Operator(
        connection(StreamAddress((endpoint(kafka),), "plaintext"), client="stream", region="eu-west-1"),
        LakeSnapshots(Folder(Path(folder)), "eu-west-1"),
        nodes,
        StreamSettings(snapshot_seconds=int(snapshot_seconds)),
        member="bench",
        metrics=metrics,
        events=EventMetrics(registry),
    )
    operator.open()
    teller = Teller(nodes, operator.accounts)
    teller.open()
    while not operator.held:  # noqa: ASYNC110 (a bench waits once)
        await asyncio.sleep(0.05)
    collection.settle()
    loop = asyncio.get_running_loop()
    tell(ready=sorted(operator.held))
    while await loop.run_in_executor(None, sys.stdin.readline):
        tell(
            bars=registry.get_sample_value("richesreach_stream_bars_total"),
            vectors=registry.get_sample_value("richesreach_stream_vectors_total", {"outcome": "written"}),
            snapshots=registry.get_sample_value("richesreach_stream_snapshots_total", {"outcome": "kept"}),
        )
    await operator.close()
    await teller.close()
    await nodes.close()


def tell(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> None:
    uvloop.run(run(*arguments))


if __name__ == "__main__":
    main(sys.argv[1:])
