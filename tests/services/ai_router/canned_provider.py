"""A provider that gives everybody one answer of OpenAI's, at once: `python canned_provider.py HOST PORT`.

For measuring gateways: a provider works on the same cores as they do, and the mock provider, which can be
told to go wrong, costs a good part of what a gateway does.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import httptools
import loopback
import uvloop

BODY = json.dumps(
    {
        "id": "chatcmpl-canned",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "gpt-4o-mini",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "This answer is canned: no model was asked."},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60},
    }
).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY)


@dataclass(frozen=True)
class CannedProvider:
    """`url` is where it answers, without a path."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


class Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(HEAD + BODY)


async def serve(host: str, port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Connection, host, port)
    await server.serve_forever()


@contextmanager
def running() -> Iterator[CannedProvider]:
    host, port = loopback.own_address()
    process = subprocess.Popen(
        [sys.executable, __file__, host, str(port)],
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        preexec_fn=loopback.die_with_parent,  # noqa: PLW1509
    )
    try:
        loopback.until(lambda: loopback.accepts(host, port), "the canned provider answers")
        yield CannedProvider(host, port)
    finally:
        process.kill()
        process.wait(30)


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
