"""Keys of a subject in a Valkey server, found by pattern.

The client is the few commands of RESP2 that erasure needs ("Redis serialization protocol specification"):
a function is packed offline and brings no driver.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any

SUBJECT = "{subject}"

#: Keys that the server looks at in one step of a scan, and seconds that it may take to answer.
STEP, SECONDS = 1000, 10.0


class CacheError(Exception):
    """The server refused a command."""


class Server:
    """A connection; use it in a ``with`` block."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._reader = connection.makefile("rb")

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._socket.close()

    def call(self, *words: str | bytes) -> Any:
        """Sends one command and returns its answer.

        Raises:
            CacheError: with the server's own words.
        """
        encoded = [word if isinstance(word, bytes) else word.encode() for word in words]
        lines = [b"*%d\r\n" % len(encoded), *(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)]
        self._socket.sendall(b"".join(lines))
        return self._answer()

    def _answer(self) -> Any:
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise CacheError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise CacheError(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._reader.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self._answer() for _ in range(int(rest))]
        return rest.decode()


def connect(host: str, port: int, tls: bool, user: dict[str, str]) -> Server:
    """A connection, authenticated where ``user`` is not empty."""
    connection: socket.socket = socket.create_connection((host, port), timeout=SECONDS)
    if tls:
        connection = ssl.create_default_context().wrap_socket(connection, server_hostname=host)
    server = Server(connection)
    if user:
        server.call("AUTH", user["username"], user["password"])
    return server


def erase(
    server: Server,
    patterns: Sequence[str],
    subject: str,
    *,
    dry_run: bool,
    so_far: dict[str, Any],
    in_time: Callable[[], bool],
) -> dict[str, Any]:
    """Counts by pattern; ``at`` is the pattern and the scan's cursor where a later run goes on."""
    erased: dict[str, int] = dict(so_far.get("erased", {}))
    first, cursor = so_far.get("at", (0, "0"))
    for index in range(first, len(patterns)):
        pattern = patterns[index]
        erased.setdefault(pattern, 0)
        while True:
            if not in_time():
                return {"done": False, "erased": erased, "at": [index, cursor]}
            following, keys = server.call(
                "SCAN", cursor, "MATCH", pattern.replace(SUBJECT, subject), "COUNT", str(STEP)
            )
            if keys:
                erased[pattern] += len(set(keys)) if dry_run else server.call("UNLINK", *keys)
            cursor = following.decode()
            if cursor == "0":
                break
    return {"done": True, "erased": erased}
