"""As much of Postgres' protocol as one query at a time needs: text values in, text values out.

Source: "Frontend/Backend Protocol" of the PostgreSQL documentation; SCRAM-SHA-256 by RFC 5802 and 7677.
A function is packed offline and brings no driver.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
import urllib.request

#: AWS publishes the authorities of RDS there (Amazon RDS user guide, "Using SSL/TLS").
AUTHORITIES = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"

_PROTOCOL, _TLS_REQUEST = 196608, 80877103
SECONDS = 30.0

Row = tuple[str | None, ...]


class PostgresError(Exception):
    """The server refused; the message is its own."""


class Connection:
    """An authenticated connection; use it in a ``with`` block, whose end rolls back what is not committed."""

    def __init__(self, stream: socket.socket) -> None:
        self._socket = stream
        self._reader = stream.makefile("rb")

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._socket.close()

    def query(self, text: str, *values: str) -> list[Row]:
        """Rows of one statement; ``values`` stand for ``$1``, ``$2``, ….

        Raises:
            PostgresError: the statement failed.
        """
        bound = b"".join(struct.pack("!i", len(raw)) + raw for raw in (value.encode() for value in values))
        self._send(b"P", b"\0" + text.encode() + b"\0" + struct.pack("!h", 0))
        self._send(b"B", b"\0\0" + struct.pack("!hh", 0, len(values)) + bound + struct.pack("!h", 0))
        self._send(b"E", b"\0" + struct.pack("!i", 0))
        self._send(b"S", b"")
        rows: list[Row] = []
        failure = ""
        while True:
            kind, body = self._receive()
            if kind == b"D":
                rows.append(_row(body))
            elif kind == b"E":
                failure = _message(body)
            elif kind == b"Z":
                break
        if failure:
            raise PostgresError(failure)
        return rows

    def start(self, database: str, user: str, password: str) -> None:
        """Logs in.

        Raises:
            PostgresError: the server does not take the user, or asks for another method than SCRAM.
        """
        names = f"user\0{user}\0database\0{database}\0application_name\0erasure\0\0".encode()
        packet = struct.pack("!i", _PROTOCOL) + names
        self._socket.sendall(struct.pack("!i", len(packet) + 4) + packet)
        scram = Scram(password)
        while True:
            kind, body = self._receive()
            if kind == b"E":
                raise PostgresError(_message(body))
            if kind == b"Z":
                return
            if kind == b"R":
                self._authenticate(scram, struct.unpack("!i", body[:4])[0], body[4:])

    def _authenticate(self, scram: Scram, method: int, body: bytes) -> None:
        if method == 10:
            if b"SCRAM-SHA-256" not in body.split(b"\0"):
                raise PostgresError("the server does not offer SCRAM-SHA-256")
            first = scram.first()
            self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)
        elif method == 11:
            self._send(b"p", scram.final(body))
        elif method == 12:
            scram.verify(body)
        elif method != 0:
            raise PostgresError(f"the server asks for authentication method {method}; SCRAM-SHA-256 is known")

    def _send(self, kind: bytes, body: bytes) -> None:
        self._socket.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def _receive(self) -> tuple[bytes, bytes]:
        head = self._reader.read(5)
        if len(head) < 5:
            raise PostgresError("the server closed the connection")
        return head[:1], self._reader.read(struct.unpack("!i", head[1:])[0] - 4)


class Scram:
    """The client's side of one SCRAM-SHA-256 exchange, without channel binding."""

    def __init__(self, password: str) -> None:
        self._password = password.encode()
        self._nonce = base64.b64encode(os.urandom(18)).decode()
        self._signature = b""

    def first(self) -> bytes:
        return f"n,,n=,r={self._nonce}".encode()

    def final(self, challenge: bytes) -> bytes:
        """Proof of the password.

        Raises:
            PostgresError: the server's nonce does not continue ours.
        """
        fields = dict(part.split("=", 1) for part in challenge.decode().split(","))
        if not fields["r"].startswith(self._nonce):
            raise PostgresError("the server answered another client's challenge")
        salted = hashlib.pbkdf2_hmac(
            "sha256", self._password, base64.b64decode(fields["s"]), int(fields["i"])
        )
        client = _mac(salted, b"Client Key")
        unproven = f"c=biws,r={fields['r']}"
        signed = f"n=,r={self._nonce},{challenge.decode()},{unproven}".encode()
        shown = _mac(hashlib.sha256(client).digest(), signed)
        self._signature = _mac(_mac(salted, b"Server Key"), signed)
        proof = bytes(a ^ b for a, b in zip(client, shown, strict=True))
        return f"{unproven},p={base64.b64encode(proof).decode()}".encode()

    def verify(self, outcome: bytes) -> None:
        """Raises PostgresError unless the server knows the password, too."""
        if not hmac.compare_digest(outcome, b"v=" + base64.b64encode(self._signature)):
            raise PostgresError("the server does not know the password: it is another server")


def connect(host: str, port: int, database: str, user: str, password: str, *, tls: bool) -> Connection:
    """A connection that is logged in."""
    stream: socket.socket = socket.create_connection((host, port), timeout=SECONDS)
    if tls:
        stream.sendall(struct.pack("!ii", 8, _TLS_REQUEST))
        if stream.recv(1) != b"S":
            stream.close()
            raise PostgresError("the server does not speak TLS")
        stream = _authorities().wrap_socket(stream, server_hostname=host)
    connection = Connection(stream)
    connection.start(database, user, password)
    return connection


def _authorities() -> ssl.SSLContext:
    with urllib.request.urlopen(AUTHORITIES, timeout=SECONDS) as answer:
        return ssl.create_default_context(cadata=answer.read().decode())


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def _row(body: bytes) -> Row:
    """Values of a DataRow message: a count, then each with its length, -1 for null."""
    values: list[str | None] = []
    at = 2
    for _ in range(struct.unpack("!h", body[:2])[0]):
        (length,) = struct.unpack("!i", body[at : at + 4])
        at += 4
        values.append(None if length < 0 else body[at : at + length].decode())
        at += max(length, 0)
    return tuple(values)


def _message(body: bytes) -> str:
    """Severity, code and text of an ErrorResponse."""
    fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    return f"{fields.get(b'C', '')} {fields.get(b'M', 'no message')}".strip()
