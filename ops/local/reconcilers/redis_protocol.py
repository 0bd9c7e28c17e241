"""The few Redis commands that the cache reconciler needs, over one connection a call (RESP2)."""

import socket
from dataclasses import dataclass, field
from typing import BinaryIO

Reply = str | int | None | list["Reply"]


class RedisError(RuntimeError):
    """The server answered with an error, or not at all; the message says which."""


@dataclass(frozen=True)
class Login:
    """Name and password of a server's user."""

    user: str
    password: str = field(repr=False)


def command(address: str, port: int, *words: str, timeout: float = 2.0, login: Login | None = None) -> Reply:
    """Send one command, under `login` where given, and return its reply; raises RedisError."""
    try:
        with (
            socket.create_connection((address, port), timeout=timeout) as connection,
            connection.makefile("rb") as stream,
        ):
            if login is not None:
                connection.sendall(_request("AUTH", login.user, login.password))
                _reply(stream)
            connection.sendall(_request(*words))
            return _reply(stream)
    except (OSError, ValueError, IndexError) as error:
        raise RedisError(f"{address}:{port} does not answer {words[0]}: {error}") from error


def info(address: str, port: int, section: str, login: Login | None = None) -> dict[str, str]:
    """A section of INFO as names and values; raises RedisError."""
    text = command(address, port, "INFO", section, login=login)
    lines = (line.partition(":") for line in str(text).splitlines() if ":" in line)
    return {name: value for name, _, value in lines}


def _request(*words: str) -> bytes:
    return (f"*{len(words)}\r\n" + "".join(f"${len(w.encode())}\r\n{w}\r\n" for w in words)).encode()


def _reply(stream: BinaryIO) -> Reply:
    line = stream.readline().rstrip(b"\r\n").decode()
    kind, rest = line[0], line[1:]
    if kind == "-":
        raise RedisError(rest)
    if kind == ":":
        return int(rest)
    if kind == "$":
        return None if rest == "-1" else stream.read(int(rest) + 2)[:-2].decode()
    if kind == "*":
        return [_reply(stream) for _ in range(int(rest))]
    return rest
