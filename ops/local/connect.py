"""The process behind the names of Service Connect: it forwards connections to healthy tasks.

`python -m ops.local.connect --file <run>/connect.json`, a map of `address:port` to the `address:port` of the
tasks, which is read again whenever it changes. Connections are balanced, not requests as on AWS: one HTTP/2
connection stays with one task. A name without a healthy task closes whatever connection it is sent.
"""

import argparse
import asyncio
import json
from collections import Counter
from pathlib import Path

from ops.local.edge.log import log
from ops.local.edge.process import require_loopback, until_terminated

POLL_SECONDS = 0.2
CONNECT_SECONDS = 2.0
CHUNK = 64 * 1024


class Name:
    """One address on which neighbours call, and the tasks behind it."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self._open: Counter[str] = Counter()
        self._served: Counter[str] = Counter()
        self._server: asyncio.Server | None = None

    async def listen(self, place: str) -> None:
        """Raises OSError when the address is taken."""
        host, _, port = place.rpartition(":")
        self._server = await asyncio.start_server(self._serve, require_loopback(host), int(port))

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The one with the fewest connections, then with the fewest so far; one that does not accept is passed
        # over.
        for target in sorted(self.targets, key=lambda each: (self._open[each], self._served[each])):
            host, _, port = target.rpartition(":")
            try:
                opening = asyncio.open_connection(require_loopback(host), int(port))
                there, back = await asyncio.wait_for(opening, CONNECT_SECONDS)
            except OSError:
                continue
            self._open[target] += 1
            self._served[target] += 1
            try:
                await asyncio.gather(_copy(reader, back), _copy(there, writer))
            finally:
                self._open[target] -= 1
                back.close()
                writer.close()
            return
        writer.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """All that comes, until its end, which is handed on: the other direction may go on."""
    try:
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
        sink.write_eof()
    except (OSError, RuntimeError):  # one of the two has gone
        sink.close()


class Names:
    """All names, as the file tells them."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = b""
        self._names: dict[str, Name] = {}

    async def follow(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(POLL_SECONDS)

    async def look(self) -> None:
        """Take on what the file says now; what cannot be read leaves everything as it is."""
        try:
            text = self._file.read_bytes()
            told: dict[str, list[str]] = json.loads(text)
        except (OSError, ValueError):
            return
        if text == self._seen:
            return
        for place in [place for place in self._names if place not in told]:
            await self._names.pop(place).close()
        whole = True
        for place, targets in told.items():
            whole = await self._serve(place, targets) and whole
        if whole:
            self._seen = text

    async def _serve(self, place: str, targets: list[str]) -> bool:
        if place not in self._names:
            name = Name()
            try:
                await name.listen(place)
            except OSError as error:
                log("name_not_served", place=place, reason=str(error))
                return False
            self._names[place] = name
        self._names[place].targets = targets
        return True

    async def close(self) -> None:
        for name in self._names.values():
            await name.close()


async def serve(file: Path) -> None:
    """Forward until told to end."""
    names = Names(file)
    following = asyncio.create_task(names.follow())
    await until_terminated()
    following.cancel()
    await names.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, required=True)
    asyncio.run(serve(parser.parse_args().file))


if __name__ == "__main__":
    main()
