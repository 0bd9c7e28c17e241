"""As much of PostgreSQL's wire protocol 3.0 as a rotation needs, on the standard library alone.

TLS, SASL authentication by SCRAM-SHA-256 (RFC 5802, RFC 7677), and simple queries. Sources: PostgreSQL
documentation, "Frontend/Backend Protocol".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import ssl
import struct
from typing import Any

PROTOCOL = 196608  # 3.0
SSL_REQUEST = 80877103
ITERATIONS = 4096


class DatabaseError(Exception):
    """The server refused: SQLSTATE and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code


def scram_verifier(password: str) -> str:
    """What the server would store for ``password``, so that the password itself is in no statement or log."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    server = _hmac(salted, b"Server Key")
    return f"SCRAM-SHA-256${ITERATIONS}:{_b64(salt)}${_b64(stored)}:{_b64(server)}"


class Connection:
    """One connection. Raises DatabaseError when the server refuses, OSError when there is none."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        user: str,
        password: str,
        database: str,
        tls: ssl.SSLContext | None,
        timeout: float = 5.0,
    ) -> None:
        self._socket: socket.socket = socket.create_connection((host, port), timeout=timeout)
        try:
            if tls is not None:
                self._socket = self._encrypt(host, tls)
            self._start(user, password, database)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def query(self, statement: str) -> list[list[str | None]]:
        """Rows of one statement, every value as text."""
        self._send(b"Q", statement.encode() + b"\0")
        rows: list[list[str | None]] = []
        failure: DatabaseError | None = None
        while True:
            kind, body = self._receive()
            if kind == b"D":
                rows.append(_row(body))
            elif kind == b"E":
                failure = _error(body)
            elif kind == b"Z":
                if failure is not None:
                    raise failure
                return rows

    def _encrypt(self, host: str, tls: ssl.SSLContext) -> socket.socket:
        self._socket.sendall(struct.pack("!II", 8, SSL_REQUEST))
        if self._socket.recv(1) != b"S":
            raise DatabaseError("08004", "the server offers no TLS")
        return tls.wrap_socket(self._socket, server_hostname=host)

    def _start(self, user: str, password: str, database: str) -> None:
        words = b"".join(
            word.encode() + b"\0"
            for word in ("user", user, "database", database, "application_name", "rotation")
        )
        body = struct.pack("!I", PROTOCOL) + words + b"\0"
        self._socket.sendall(struct.pack("!I", len(body) + 4) + body)
        scram = _Scram(password)
        while True:
            kind, body = self._receive()
            if kind == b"E":
                raise _error(body)
            if kind == b"R":
                self._authenticate(scram, body)
            elif kind == b"Z":
                if not scram.verified:
                    raise DatabaseError("28000", "the server did not prove that it knows the password")
                return

    def _authenticate(self, scram: _Scram, body: bytes) -> None:
        (step,) = struct.unpack("!I", body[:4])
        if step == 10:
            if b"SCRAM-SHA-256" not in body[4:].split(b"\0"):
                raise DatabaseError("28000", "the server does not offer SCRAM-SHA-256")
            first = scram.first()
            self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first)
        elif step == 11:
            self._send(b"p", scram.final(body[4:]))
        elif step == 12:
            scram.verify(body[4:])
        elif step != 0:
            raise DatabaseError("28000", "the server asks for a password in a way other than SCRAM-SHA-256")

    def _send(self, kind: bytes, body: bytes) -> None:
        self._socket.sendall(kind + struct.pack("!I", len(body) + 4) + body)

    def _receive(self) -> tuple[bytes, bytes]:
        kind, length = struct.unpack("!cI", self._exactly(5))
        return kind, self._exactly(length - 4)

    def _exactly(self, size: int) -> bytes:
        held = b""
        while len(held) < size:
            part = self._socket.recv(size - len(held))
            if not part:
                raise ConnectionResetError("the server closed the connection")
            held += part
        return held


class _Scram:
    """The client's side of one SCRAM-SHA-256 exchange (RFC 5802, section 5), without channel binding."""

    def __init__(self, password: str) -> None:
        self._password = password.encode()
        self._bare = f"n=,r={secrets.token_urlsafe(18)}"
        self._server = b""
        self.verified = False

    def first(self) -> bytes:
        return f"n,,{self._bare}".encode()

    def final(self, challenge: bytes) -> bytes:
        fields: dict[str, Any] = dict(part.split("=", 1) for part in challenge.decode().split(","))
        if not fields["r"].startswith(self._bare.partition("r=")[2]):
            raise DatabaseError("28000", "the server answered another client's nonce")
        salted = hashlib.pbkdf2_hmac(
            "sha256", self._password, base64.b64decode(fields["s"]), int(fields["i"])
        )
        without_proof = f"c=biws,r={fields['r']}"
        message = ",".join((self._bare, challenge.decode(), without_proof)).encode()
        key = _hmac(salted, b"Client Key")
        signature = _hmac(hashlib.sha256(key).digest(), message)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        self._server = _hmac(_hmac(salted, b"Server Key"), message)
        return f"{without_proof},p={_b64(proof)}".encode()

    def verify(self, final: bytes) -> None:
        if not hmac.compare_digest(final.decode(), f"v={_b64(self._server)}"):
            raise DatabaseError("28000", "the server does not know the password itself")
        self.verified = True


def literal(value: str) -> str:
    """A value in SQL."""
    return "'" + value.replace("'", "''") + "'"


def identifier(value: str) -> str:
    """A name in SQL."""
    return '"' + value.replace('"', '""') + '"'


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _row(body: bytes) -> list[str | None]:
    (columns,) = struct.unpack("!H", body[:2])
    position, values = 2, []
    for _ in range(columns):
        (size,) = struct.unpack("!i", body[position : position + 4])
        position += 4
        values.append(None if size < 0 else body[position : position + size].decode())
        position += max(size, 0)
    return values


def _error(body: bytes) -> DatabaseError:
    fields = {part[:1]: part[1:].decode() for part in body.split(b"\0") if part}
    return DatabaseError(fields.get(b"C", "XX000"), fields.get(b"M", "no message"))
