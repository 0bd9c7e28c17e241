"""Aurora: one Postgres server a DB instance, replicating as the global clusters say.

Promotion happens only because the RDS API moved the writer; a server that dies is restarted in its role.
"""

import logging
import secrets
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ops.local.keeper import Backoff
from ops.local.process import ProcessError
from ops.local.reconcilers import aurora_topology
from ops.local.reconcilers.aurora_topology import Clients, Database, Instance
from ops.local.reconcilers.postgres import PostgresServer
from ops.local.reconcilers.postgres_files import find_binaries, major_version
from ops.local.reconcilers.postgres_install import Installation
from ops.local.reconcilers.promotion import hand_over, settle
from ops.local.reconcilers.report import Report
from ops.local.state import DatabaseState

LOST_STREAM_SECONDS = 15.0
STREAM_CHECK_SECONDS = 3.0

logger = logging.getLogger(__name__)


def install(data: Path, logs: Path) -> Installation:
    """The servers' programs and fresh internal passwords, over an empty data folder.

    The local AWS forgets everything when it stops, so data of an earlier run belongs to databases that no
    longer exist: it is deleted.
    """
    binaries = find_binaries()
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True, mode=0o755)
    return Installation(
        binaries, major_version(binaries), data, logs, secrets.token_urlsafe(18), secrets.token_urlsafe(18)
    )


class Aurora:
    """Reconciles every database of the given regions."""

    name = "aurora"

    def __init__(
        self,
        clients: Clients,
        regions: Iterable[str],
        installation: Installation,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clients = clients
        self._regions = regions
        self._installation = installation
        self._clock = clock
        self.servers: dict[str, PostgresServer] = {}
        self._reasons: dict[str, str] = {}
        self._retry: dict[str, tuple[Backoff, float]] = {}
        self._seen_streaming: dict[str, float] = {}
        self._next_stream_check = 0.0

    def reconcile(self) -> Report:
        """One pass: read the API, make the servers match, and say how they are."""
        databases = aurora_topology.read(self._clients, self._regions)
        self._drop({i.key for d in databases for i in d.instances})
        for database in databases:
            self._keep_alive(database)
            self._attempt(database)
        self._next_stream_check = max(self._next_stream_check, self._clock())
        return self._report(databases)

    def stop(self) -> None:
        """End every server, replicas first so that the primary has nobody to wait for."""
        for server in sorted(self.servers.values(), key=lambda s: s.follows is None):
            server.stop()

    def _drop(self, wanted: set[str]) -> None:
        for key in [key for key in self.servers if key not in wanted]:
            logger.info("%s is gone: its server and data are removed", key)
            self.servers.pop(key).remove()

    def _keep_alive(self, database: Database) -> None:
        for instance in database.instances:
            server = self.servers.get(instance.key)
            if server is not None and server.exists:
                server.tick()

    def _attempt(self, database: Database) -> None:
        """Make one database match; a failure is shown, and tried again later each time."""
        backoff, due = self._retry.get(database.name, (Backoff(), 0.0))
        if self._clock() < due:
            return
        try:
            self._reasons[database.name] = self._converge(database)
            self._retry.pop(database.name, None)
        except (ProcessError, OSError) as error:
            logger.warning("database %s: %s", database.name, error)
            self._reasons[database.name] = str(error)
            self._retry[database.name] = (backoff, self._clock() + backoff.next_delay(0.0))

    def _converge(self, database: Database) -> str:
        """Bring the writer, then the replicas; the reason for waiting, empty when there is none."""
        if database.writer is None:
            return "waiting for the writing cluster to have an instance"
        servers = [self._server(instance) for instance in database.instances]
        writer = self.servers[database.writer.key]
        specs = {instance.key: instance for instance in database.instances}
        if not any(server.exists for server in servers):
            credentials = aurora_topology.credentials(self._clients, database)
            if credentials is None:
                return "waiting for a secret attached to the cluster (SecretTargetAttachment)"
            logger.info("%s: creating the database on %s", database.name, writer.spec.name)
            writer.create(credentials, database.database)
        hand_over(servers, writer, database.lossy)
        settle(servers, writer, specs)
        self._join(servers, writer)
        return ""

    def _join(self, servers: list[PostgresServer], writer: PostgresServer) -> None:
        """Copy the primary to replicas that are new or have lost the stream for good."""
        if not writer.ready:
            return
        now = self._clock()
        check = now >= self._next_stream_check
        streaming = writer.streaming() if check else frozenset()
        if check:
            self._next_stream_check = now + STREAM_CHECK_SECONDS
        for server in servers:
            key = server.spec.key
            if server is writer:
                continue
            if not server.exists:
                logger.info("%s: copying %s", server.spec.name, writer.spec.name)
                server.clone(writer.peer)
                server.tick()
                self._seen_streaming[key] = self._clock()
            elif server.spec.name in streaming or not server.ready:
                self._seen_streaming[key] = now
            elif check and now - self._seen_streaming.setdefault(key, now) > LOST_STREAM_SECONDS:
                logger.warning("%s lost the stream of %s: copying anew", server.spec.name, writer.spec.name)
                server.clone(writer.peer)
                self._seen_streaming[key] = self._clock()

    def _server(self, instance: Instance) -> PostgresServer:
        if instance.key not in self.servers:
            self.servers[instance.key] = PostgresServer(instance, self._installation)
        return self.servers[instance.key]

    def _report(self, databases: tuple[Database, ...]) -> Report:
        states = []
        for database in databases:
            for instance in database.instances:
                server = self.servers.get(instance.key)
                states.append(_state(instance, server, self._reasons.get(database.name, "")))
        running = [s for s in self.servers.values() if s.exists or s.keeper.wanted]
        return Report(processes=tuple(s.keeper.state(s.ready) for s in running), databases=tuple(states))


def _state(instance: Instance, server: PostgresServer | None, reason: str) -> DatabaseState:
    up = server is not None and server.exists and server.ready
    return DatabaseState(
        region=instance.region,
        cluster=instance.cluster,
        instance=instance.name,
        address=instance.listen[0],
        port=instance.port,
        role="writer" if server is not None and server.exists and server.follows is None else "reader",
        status="running" if up else "starting",
        reason=reason or ("" if up or server is None else server.keeper.reason),
    )
