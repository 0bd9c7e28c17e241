"""The one connection for what every request asks: answers in order, redis-py's errors, and no end with it."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import uvloop
from cache_clock import endpoint
from cache_servers import CachePair, CacheServer
from loopback import own_address
from redis.exceptions import (
    AuthenticationError,
    NoScriptError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import ConnectionError as CacheConnectionError
from redis.exceptions import TimeoutError as CacheTimeoutError
from richesreach.core.cache.wire import Wire
from richesreach.core.settings import CacheLogin, Endpoint, Secret


def wire_to(server: CacheServer, login: CacheLogin | None = None) -> Wire:
    return Wire(endpoint(server), tls=False, login=login, patience=5)


@pytest.fixture
async def wire(caches: CachePair) -> AsyncIterator[Wire]:
    opened = wire_to(caches.primary)
    yield opened
    opened.close()


async def test_calls_at_the_same_time_each_get_their_own_answer(wire: Wire) -> None:
    answers = await asyncio.gather(*(wire.call("ECHO", f"{number}") for number in range(500)))
    assert answers == [f"{number}".encode() for number in range(500)]


async def test_a_caller_that_gives_up_shifts_no_other_s_answer(wire: Wire) -> None:
    await wire.call("PING")
    calls = [asyncio.ensure_future(wire.call("ECHO", f"{number}")) for number in range(10)]
    await asyncio.sleep(0)
    calls[3].cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(answers.pop(3), asyncio.CancelledError)
    assert answers == [f"{number}".encode() for number in range(10) if number != 3]


async def test_commands_in_a_row_are_answered_in_a_row_and_the_first_error_is_raised(wire: Wire) -> None:
    assert await wire.pipeline([("SET", "row", "1", "PX", 5000), ("GET", "row")]) == [b"OK", b"1"]
    with pytest.raises(ResponseError, match="unknown command 'FIRST'"):
        await wire.pipeline([("PING",), ("FIRST",), ("SECOND",)])
    assert await wire.call("ECHO", "still in step") == b"still in step"


async def test_what_no_server_could_be_sent_shifts_no_other_s_answer(wire: Wire) -> None:
    await wire.call("PING")
    with pytest.raises((TypeError, ValueError)):
        await wire.call("ECHO", object())
    assert await wire.call("ECHO", "still in step") == b"still in step"


async def test_what_is_sent_without_waiting_is_answered_in_its_order(wire: Wire) -> None:
    loop = asyncio.get_running_loop()
    first, second = loop.create_future(), loop.create_future()
    assert not wire.send(("ECHO", "too early"), first)
    await wire.call("PING")
    assert wire.send(("ECHO", "one"), first)
    assert wire.send(("NONSENSE",), second)
    assert await first == b"one"
    with pytest.raises(ResponseError):
        await second


async def test_errors_are_those_of_the_other_client(wire: Wire, caches: CachePair) -> None:
    with pytest.raises(NoScriptError):
        await wire.evalsha("0" * 40, 0)
    with pytest.raises(ResponseError, match="unknown command"):
        await wire.call("NONSENSE")
    replica = wire_to(caches.replica)
    with pytest.raises(ReadOnlyError):
        await replica.call("SET", "a", "b")
    replica.close()
    assert await wire.call("ECHO", "still here") == b"still here"


async def test_a_login_is_shown_and_a_wrong_one_is_refused() -> None:
    user = ("--user", "default", "off", "--user", "gateway", "on", ">right", "~*", "+@all")
    server = CacheServer(*own_address(), options=user)
    server.start()
    good = wire_to(server, CacheLogin("gateway", Secret("right")))
    assert await good.call("ACL", "WHOAMI") == b"gateway"
    for login in (CacheLogin("gateway", Secret("wrong")), None):
        bad = wire_to(server, login)
        with pytest.raises(AuthenticationError):
            await bad.call("PING")
        bad.close()
    good.close()
    server.stop()


async def test_a_server_that_was_started_anew_is_connected_to_anew(own_caches: CachePair) -> None:
    wire = wire_to(own_caches.primary)
    assert await wire.call("PING") == b"PONG"
    own_caches.primary.stop()
    with pytest.raises((CacheConnectionError, OSError)):
        await wire.call("PING")
    own_caches.primary.start()
    assert await wire.call("PING") == b"PONG"
    wire.close()


async def test_a_server_that_says_nothing_or_nonsense_is_given_up() -> None:
    said = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(said)

    host, port = own_address()
    server = await asyncio.start_server(serve, host, port)
    wire = Wire(Endpoint(host, port), tls=False, login=None, patience=0.05)
    with pytest.raises(CacheTimeoutError, match="no answer in time"):
        await wire.call("PING")
    said = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with pytest.raises(CacheConnectionError):
        await Wire(Endpoint(host, port), tls=False, login=None, patience=5).call("PING")
    wire.close()
    server.close()


async def test_all_who_wait_for_a_silent_server_learn_of_it_together() -> None:
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)

    host, port = own_address()
    server = await asyncio.start_server(serve, host, port)
    login = CacheLogin("gateway", Secret("never asked for"))
    wire = Wire(Endpoint(host, port), tls=False, login=login, patience=0.05)
    answers = await asyncio.gather(*(wire.call("PING") for _ in range(20)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {CacheTimeoutError}
    assert len(connections) == 1
    server.close()


async def test_a_connection_that_nobody_waits_for_any_more_serves_the_next(wire: Wire) -> None:
    calling = asyncio.ensure_future(wire.call("PING"))
    await asyncio.sleep(0)
    calling.cancel()
    assert await wire.call("ECHO", "here") == b"here"


async def test_a_stall_of_this_process_is_no_silence_of_the_server(caches: CachePair) -> None:
    wire = Wire(endpoint(caches.primary), tls=False, login=None, patience=0.05)
    for word in ("connecting", "connected"):
        answer = asyncio.ensure_future(wire.call("ECHO", word))
        await asyncio.sleep(0)
        time.sleep(0.2)  # noqa: ASYNC251 (that is the stall)
        assert await answer == word.encode()
    wire.close()


def test_it_works_on_the_loop_that_services_run_on(caches: CachePair) -> None:
    async def ask() -> list[bytes]:
        wire = wire_to(caches.primary)
        answers = await asyncio.gather(*(wire.call("ECHO", f"{number}") for number in range(20)))
        wire.close()
        return answers

    assert uvloop.run(ask()) == [f"{number}".encode() for number in range(20)]
