"""The few Redis commands that the cache reconciler needs, over one connection a call (RESP2)."""

import socket
from typing import BinaryIO

Reply = str | int | None | list["Reply"]


class RedisError(RuntimeError):
    """The server answered with an error, or not at all; the message says which."""


def command(address: str, port: int, *words: str, timeout: float = 2.0) -> Reply:
    """Send one command and return its reply; raises RedisError."""
    request = f"*{len(words)}\r\n" + "".join(f"${len(w.encode())}\r\n{w}\r\n" for w in words)
    try:
        with socket.create_connection((address, port), timeout=timeout) as connection:
            connection.sendall(request.encode())
            with connection.makefile("rb") as stream:
                return _reply(stream)
    except (OSError, ValueError, IndexError) as error:
        raise RedisError(f"{address}:{port} does not answer {words[0]}: {error}") from error


def info(address: str, port: int, section: str) -> dict[str, str]:
    """A section of INFO as names and values; raises RedisError."""
    text = command(address, port, "INFO", section)
    lines = (line.partition(":") for line in str(text).splitlines() if ":" in line)
    return {name: value for name, _, value in lines}


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
