"""What no client library would send, to a really running gateway: a 4xx, and it serves on."""

import contextlib
import json
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from urllib.parse import urlsplit

import fuzzing
import pytest
from cache_servers import CachePair
from fuzzing import Running
from gateway_task import task_environment
from postgres_servers import PostgresCluster

HOST = b"host: gateway\r\n"
POST = b"POST /graphql HTTP/1.1\r\n" + HOST + b"content-type: application/json\r\n"


@pytest.fixture(scope="module")
def found(
    _session_cluster: PostgresCluster, _session_caches: CachePair, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    work = tmp_path_factory.mktemp("pool")
    with fuzzing.running(task_environment(_session_cluster, _session_caches), work) as started:
        yield started


def said(found: Running, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer, which may come while the request is still being sent."""
    place = urlsplit(found.url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=60) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        response = HTTPResponse(connection)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, response.read()


def get(headers: bytes = b"", path: bytes = b"/api/market/engines") -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"connection: close\r\n" + headers + b"\r\n"


@pytest.mark.parametrize(
    "header", [b"x-large: " + b"x" * 40_000, b"\r\n".join(b"x-%d: %b" % (n, b"y" * 80) for n in range(500))]
)
def test_headers_that_are_too_large_are_a_problem(found: Running, header: bytes) -> None:
    status, headers, body = said(found, get(header + b"\r\n"))
    assert (status, headers["content-type"]) == (431, "application/problem+json")
    assert json.loads(body)["type"] == "urn:richesreach:problem:headers-too-large"


@pytest.mark.parametrize(
    "given",
    [
        b"x" * 200,
        b"a b",
        b"<script>",
        b"\xff\xfe",
        b"a\tb",
        b"${jndi:ldap://x}",
        b"",
        b"one\r\nx-request-id: two",
    ],
)
def test_a_hostile_request_id_is_replaced(found: Running, given: bytes) -> None:
    status, headers, _ = said(found, get(b"x-request-id: " + given + b"\r\n"))
    assert status == 200
    assert headers["x-request-id"].encode() not in {given, b"one", b"two"}
    assert len(headers["x-request-id"]) == 36


@pytest.mark.parametrize(
    "request_",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost gateway\r\n\r\n",
        POST + b"content-length: -1\r\n\r\n",
        POST + b"content-length: 5\r\ncontent-length: 7\r\n\r\n{}",
        POST + b"transfer-encoding: chunked\r\n\r\nZZ\r\n",
        POST + b"content-length: 99999999999\r\n\r\n{}",
        POST + b"content-length: 2000000\r\n\r\n" + b"x" * 2_000_000,
        get(path=b"/api/market/prices/%00"),
        get(path=b"/api/market/prices/%C0%AF"),
        get(path=b"/api/market/prices/" + b"A" * 20_000),
        get(path=b"/graphql?query=" + b"%7B" * 5_000),
        get(b"authorization: Bearer \xff\xff\r\n", b"/api/watchlists"),
        get(b"authorization: Bearer " + b"a" * 10_000 + b"\r\n", b"/api/watchlists"),
        get(b"x-api-key: rr_" + b"\x80" * 40 + b"\r\n", b"/api/watchlists"),
    ],
)
def test_what_is_no_request_is_a_4xx_and_the_service_serves_on(found: Running, request_: bytes) -> None:
    status, _, body = said(found, request_)
    assert 400 <= status < 500, (status, body[:300])
    assert b"Traceback" not in body
    assert said(found, get())[0] == 200


def test_nothing_of_it_was_a_failure(found: Running) -> None:
    assert "unhandled_error" not in found.process.output()
