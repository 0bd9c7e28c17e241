"""How services speak HTTP: what is written, and when a connection is closed."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import loopback
import pytest
import uvicorn
from richesreach.core import collection
from richesreach.core.http_protocol import MOST_HELD, Gathering, HttpProtocol
from starlette.types import ASGIApp, Receive, Scope, Send
from stream_client import eventually

# Of a connection on which nothing is asked.
QUIET = 1
REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


class Wire(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[bytes | str] = []

    def write(self, data: Any) -> None:
        self.said.append(bytes(data))

    def close(self) -> None:
        self.said.append("closed")

    def abort(self) -> None:
        self.said.append("cut")


@contextlib.asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection of a client to `app`."""
    host, port = loopback.own_address()
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=HttpProtocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=QUIET,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started, "the application listens")
    reader, writer = await asyncio.open_connection(host, port)
    yield reader, writer
    writer.close()
    server.should_exit = True
    await task


async def answer(send: Send, body: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read(reader: asyncio.StreamReader) -> bytes:
    """The body of the next answer."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    return await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))


async def test_what_is_written_in_one_turn_of_the_loop_is_one_write() -> None:
    wire = Wire()
    gathering = Gathering(wire, asyncio.get_running_loop())
    gathering.write(b"head ")
    gathering.write(b"body")
    assert wire.said == []
    await asyncio.sleep(0)
    gathering.write(b"next")
    await asyncio.sleep(0)
    assert wire.said == [b"head body", b"next"]


async def test_more_than_may_be_held_back_is_written_at_once() -> None:
    wire = Wire()
    gathering = Gathering(wire, asyncio.get_running_loop())
    gathering.write(b"x" * MOST_HELD)
    assert wire.said == []
    gathering.write(b"y")
    assert wire.said == [b"x" * MOST_HELD + b"y"]


async def test_closing_writes_what_is_held_first_and_cutting_does_not() -> None:
    closed, cut = Wire(), Wire()
    for wire, end in ((closed, Gathering.close), (cut, Gathering.abort)):
        gathering = Gathering(wire, asyncio.get_running_loop())
        gathering.write(b"last words")
        end(gathering)
        await asyncio.sleep(0)
    assert closed.said == [b"last words", "closed"]
    assert cut.said == ["cut"]


async def test_an_event_of_a_stream_is_on_its_way_before_the_next_is_known() -> None:
    heard = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await heard.wait()
        await send({"type": "http.response.body", "body": b"second"})

    async with served(app) as (reader, writer):
        writer.write(REQUEST)
        await asyncio.wait_for(reader.readuntil(b"first"), 30)
        heard.set()
        await asyncio.wait_for(reader.readuntil(b"second"), 30)


async def test_a_stream_waits_for_a_client_that_does_not_read() -> None:
    sent = 0
    piece, pieces = b"x" * 32 * 1024, 2_000

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal sent
        headers = [(b"content-length", b"%d" % (len(piece) * pieces))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number in range(pieces):
            await send({"type": "http.response.body", "body": piece, "more_body": number < pieces - 1})
            sent += 1

    async with served(app) as (reader, writer):
        writer.write(REQUEST)
        before = -1
        while sent != before or not sent:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < pieces
        assert await read(reader) == piece * pieces


async def test_a_quiet_connection_is_closed() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, b"done")

    async with served(app) as (reader, writer):
        writer.write(REQUEST)
        assert await read(reader) == b"done"
        assert await asyncio.wait_for(reader.read(), 30) == b""


async def test_a_connection_on_which_is_asked_again_and_again_stays() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, b"done")

    async with served(app) as (reader, writer):
        loop = asyncio.get_running_loop()
        end = loop.time() + 2.5 * QUIET
        while loop.time() < end:
            writer.write(REQUEST)
            assert await read(reader) == b"done"
            await asyncio.sleep(QUIET / 5)


async def test_an_answer_may_take_longer_than_a_connection_may_be_quiet() -> None:
    slow = False

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await asyncio.sleep(1.5 * QUIET if slow else 0)
        await answer(send, b"done")

    async with served(app) as (reader, writer):
        writer.write(REQUEST)
        assert await read(reader) == b"done"
        slow = True
        writer.write(REQUEST)
        assert await read(reader) == b"done"


async def test_requests_that_were_sent_together_are_answered_in_their_order() -> None:
    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        await asyncio.sleep(0)
        await answer(send, scope["path"].encode())

    async with served(app) as (reader, writer):
        writer.write(b"".join(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % number for number in range(3)))
        assert [await read(reader) for _ in range(3)] == [b"/0", b"/1", b"/2"]


@pytest.fixture
def _as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("_as_before")
def test_what_a_process_starts_with_is_not_looked_through_again() -> None:
    there = [[]]
    collection.settle()
    assert not any(one is there for one in gc.get_objects())
    assert gc.get_threshold() == collection.THRESHOLDS
