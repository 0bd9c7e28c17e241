"""The HTTP client: TLS, names, odd answers, and connections that are used again or never."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import calls
import loopback
import pytest
from richesreach.ai_router.model import Failure, ProviderError
from richesreach.ai_router.providers import connections as client
from richesreach.ai_router.providers.connections import Connections, Whole
from yarl import URL

Answer = Callable[[bytes], bytes | None]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, int]]:
    """A server that reads one request and writes what `answer` makes of it; None closes the connection."""
    host, port = loopback.own_address()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                told = answer(head + await reader.readexactly(length))
                if told is None:
                    break
                writer.write(told)
                if b"connection: close" in told or b"content-length" not in told:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, port, ssl=tls)
    try:
        yield host, port
    finally:
        server.close()


async def posted(connections: Connections, url: str, seconds: float = 20) -> Whole:
    return await connections.whole("p", URL(url), {"authorization": "Bearer x"}, b"{}", seconds)


async def failure(answer: Answer) -> Failure:
    connections = calls.connections()
    async with serving(answer) as (host, port):
        with pytest.raises(ProviderError) as caught:
            await posted(connections, f"http://{host}:{port}/")
    await connections.close()
    return caught.value.failure


async def test_a_request_is_what_http_says() -> None:
    seen: list[bytes] = []
    connections = calls.connections()
    async with serving(lambda request: (seen.append(request), OK)[1]) as (host, port):
        found = await posted(connections, f"http://{host}:{port}/a%2Fb?alt=sse")
    assert (found.status, found.body) == (200, b"ok")
    lines = seen[0].split(b"\r\n")
    assert lines[0] == b"POST /a%2Fb?alt=sse HTTP/1.1"
    assert f"host: {host}:{port}".encode() in lines
    assert b"content-length: 2" in lines
    assert seen[0].endswith(b"\r\n\r\n{}")
    await connections.close()


async def test_an_answer_in_chunks_after_a_100_is_put_together() -> None:
    told = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"
        b"connection: close\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    )
    connections = calls.connections()
    async with serving(lambda _: told) as (host, port):
        assert (await posted(connections, f"http://{host}:{port}/")).body == b"abc"
    await connections.close()


async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    connections = calls.connections()
    async with serving(lambda _: b"HTTP/1.1 200 OK\r\n\r\nto the end") as (host, port):
        assert (await posted(connections, f"http://{host}:{port}/")).body == b"to the end"
    await connections.close()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (b"SSH-2.0-OpenSSH\r\n", Failure.MALFORMED),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000, Failure.MALFORMED),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nab", Failure.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", Failure.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", Failure.MALFORMED),
        (None, Failure.UNREACHABLE),
    ],
)
async def test_an_answer_that_is_none_has_a_name(told: bytes | None, expected: Failure) -> None:
    assert await failure(lambda _: told) is expected


async def test_what_nobody_asked_for_is_no_answer_to_the_next_request() -> None:
    answers = iter([OK + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", OK])
    connections = calls.connections()
    async with serving(lambda _: next(answers)) as (host, port):
        for _ in range(2):
            assert (await posted(connections, f"http://{host}:{port}/")).body == b"ok"
    await connections.close()


async def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    connections = calls.connections()
    async with serving(lambda _: OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")) as (host, port):
        for _ in range(3):
            assert (await posted(connections, f"http://{host}:{port}/")).body == b"ok"
    await connections.close()


async def test_only_so_many_connections_stand_at_a_time() -> None:
    connections = calls.connections(connections=2)
    async with serving(lambda _: OK) as (host, port):
        found = await asyncio.gather(*(posted(connections, f"http://{host}:{port}/") for _ in range(20)))
    assert {answer.body for answer in found} == {b"ok"}
    await connections.close()


async def test_to_wait_for_a_connection_is_part_of_the_time() -> None:
    connections = calls.connections(connections=1)
    async with serving(lambda _: b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n") as (host, port):
        url = f"http://{host}:{port}/"
        first = asyncio.create_task(posted(connections, url))
        await asyncio.sleep(0)
        with pytest.raises(ProviderError) as whole:
            await posted(connections, url, 0.1)
        with pytest.raises(ProviderError) as streamed:
            async with connections.post("p", URL(url), {}, b"{}", 0.1):
                pass
        first.cancel()
        await asyncio.wait([first])
    assert whole.value.failure is streamed.value.failure is Failure.TIMEOUT
    async with serving(lambda _: OK) as (host, port):
        assert (await posted(connections, f"http://{host}:{port}/")).body == b"ok"
    await connections.close()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Of `localhost`, by itself, and its key."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    places = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *names, *places], check=True, capture_output=True)
    return certificate, key


async def test_a_certificate_is_of_the_host_and_vouched_for(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    connections = calls.connections()
    async with serving(lambda _: OK, server) as (host, port):

        async def there(_name: str, _port: int) -> list[str]:
            return [host]

        monkeypatch.setattr(connections._resolver, "addresses", there)
        with pytest.raises(ProviderError) as nobody_vouches:
            await posted(connections, f"https://localhost:{port}/")
        trusting = ssl.create_default_context(cafile=str(certificate[0]))
        monkeypatch.setattr(client, "_tls", lambda: trusting)
        with pytest.raises(ProviderError) as of_another:
            await posted(connections, f"https://elsewhere.example:{port}/")
        assert (await posted(connections, f"https://localhost:{port}/")).body == b"ok"
    for refused in (nobody_vouches, of_another):
        assert refused.value.failure is Failure.UNREACHABLE
    await connections.close()
