"""One real Postgres server behind one DB instance."""

import shutil
import signal
import time

from ops.local.keeper import Keeper
from ops.local.process import ProcessError
from ops.local.reconcilers.aurora_topology import Credentials, Instance
from ops.local.reconcilers.postgres_files import (
    ACCESS,
    REPLICATION_USER,
    SUPERUSER,
    Peer,
    conninfo,
    identifier,
    literal,
    render,
    write_private,
)
from ops.local.reconcilers.postgres_install import Installation


class PostgresServer:
    """A data folder and the server on it. It writes when `follows` is None, else it replays that log."""

    def __init__(self, spec: Instance, installation: Installation) -> None:
        self.spec = spec
        self.installation = installation
        self.folder = installation.data / spec.name
        self.data = self.folder / "data"
        self.log = installation.logs / f"postgres-{spec.name}.log"
        self.keeper = Keeper(f"postgres-{spec.name}", "postgres", spec.region, spec.listen[0], spec.port)
        self.follows: Peer | None = None
        self.exists = False
        self.ready = False
        self._ready_pid = 0
        self._conf = ""

    @property
    def peer(self) -> Peer:
        """Where replicas of this server connect."""
        return Peer(self.spec.listen[0], self.spec.port)

    def create(self, credentials: Credentials, database: str) -> None:
        """Make an empty database with the master user, start it, and create its roles and its database."""
        self._empty()
        password = self.folder / "superuser-password"
        write_private(password, self.installation.superuser_password + "\n")
        try:
            self._program(
                "initdb",
                *("-U", SUPERUSER, f"--pwfile={password}", "--auth=scram-sha-256"),
                *("--encoding=UTF8", "--locale=C.UTF-8"),
            )
        finally:
            password.unlink(missing_ok=True)
        self._conf = ""
        self.configure(self.spec, None)
        self.start()
        self.query(_roles(credentials, self.installation.replication_password), credentials.password)
        if database:
            self.query(f"CREATE DATABASE {identifier(database)} OWNER {identifier(credentials.user)}")
        self.exists = True

    def clone(self, source: Peer) -> None:
        """Replace whatever is there by a copy of the running primary."""
        self.stop()
        self.exists = False
        self._empty()
        info = self._conninfo(source, REPLICATION_USER, self.installation.replication_password)
        self._program("pg_basebackup", "-d", info, "-c", "fast", "-X", "stream", "-w")
        self._become_replica(source)

    def rewind(self, source: Peer) -> None:
        """Make a former primary, stopped, a replica of the new one; copied anew where that fails."""
        info = self._conninfo(source, SUPERUSER, self.installation.superuser_password)
        try:
            self._program("pg_rewind", f"--source-server={info} dbname=postgres")
        except ProcessError:
            self.clone(source)
        else:
            self._become_replica(source)

    def promote(self) -> None:
        """End recovery and accept writes."""
        if (
            self.query("SELECT pg_is_in_recovery()") == "t"
            and self.query("SELECT pg_promote(true, 15)") != "t"
        ):
            raise ProcessError("not promoted within 15 s")
        # Writes the new timeline into the control file, where pg_rewind looks for it.
        self.query("CHECKPOINT")
        self.configure(self.spec, None)

    def remove(self) -> None:
        """End the server and delete its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.exists = False

    def configure(self, spec: Instance, follow: Peer | None) -> None:
        """Write the configuration; a running server restarts for new addresses, reloads for a new peer."""
        info = None
        if follow is not None:
            info = self._conninfo(follow, REPLICATION_USER, self.installation.replication_password)
        moved = (spec.listen, spec.port) != (self.spec.listen, self.spec.port)
        self.spec, self.follows = spec, follow
        self.keeper.address, self.keeper.port = spec.listen[0], spec.port
        conf = render(spec.name, spec.listen, spec.port, info, self.installation.version)
        if conf == self._conf:
            return
        write_private(self.data / "postgresql.conf", conf)
        write_private(self.data / "pg_hba.conf", ACCESS)
        self._conf = conf
        if moved and self.keeper.running():
            self.stop()
            self.start()
        elif self.keeper.child is not None:
            self.keeper.child.send(signal.SIGHUP)

    def tick(self) -> bool:
        """Keep it running; whether it accepts connections."""
        arguments = ("-D", str(self.data))
        self.keeper.tick(self.installation.command("postgres", arguments, self.log, self.folder))
        pid = self.keeper.child.pid if self.keeper.child else 0
        if pid != self._ready_pid:
            self._ready_pid = pid if pid and self.installation.accepts(self.peer) else 0
        self.ready = self._ready_pid != 0
        return self.ready

    def start(self, timeout: float = 30.0) -> None:
        """Start it and wait until it accepts connections.

        Raises ProcessError with the server's own reason when it does not within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not self.tick():
            if time.monotonic() > deadline:
                raise ProcessError(f"did not start: {self.keeper.reason or 'still recovering'}")
            time.sleep(0.05)

    def stop(self, lossy: bool = False, grace: float = 6.0) -> None:
        """End it: orderly (a replica that streams has received everything), or at once when `lossy`."""
        self.ready = False
        self._ready_pid = 0
        self.keeper.stop(signal.SIGQUIT if lossy else signal.SIGINT, grace)

    def query(self, statements: str, redact: str = "") -> str:
        """Run statements on this server as the superuser."""
        return self.installation.query(self.peer, statements, redact)

    def streaming(self) -> frozenset[str]:
        """Names of the replicas that receive this server's log now."""
        rows = self.query("SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'")
        return frozenset(rows.split())

    def end_of_log(self) -> str:
        """Log position at which this server, stopped, ended; ProcessError where it was not in order."""
        return self.installation.end_of_log(self.data)

    def has_replayed(self, position: str) -> bool:
        """Whether this replica has applied the log beyond `position`."""
        return self.query(f"SELECT pg_last_wal_replay_lsn() > {literal(position)}::pg_lsn") == "t"

    def _become_replica(self, source: Peer) -> None:
        (self.data / "standby.signal").touch()
        self._conf = ""
        self.configure(self.spec, source)
        self.exists = True

    def _empty(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _program(self, program: str, *arguments: str) -> None:
        self.installation.run(program, ("-D", str(self.data), *arguments), self.log, self.folder)

    def _conninfo(self, peer: Peer, user: str, password: str) -> str:
        return conninfo(peer, user, password, self.spec.name)


def _roles(credentials: Credentials, replication_password: str) -> str:
    """The roles that Aurora has: the master user administers, and is no superuser."""
    user = identifier(credentials.user)
    return "\n".join(
        (
            "CREATE ROLE rds_superuser; CREATE ROLE rds_iam;",
            "GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO rds_superuser;",
            f"CREATE ROLE {user} LOGIN CREATEDB CREATEROLE PASSWORD {literal(credentials.password)};",
            f"GRANT rds_superuser TO {user};",
            f"CREATE ROLE {REPLICATION_USER} LOGIN REPLICATION PASSWORD {literal(replication_password)};",
        )
    )
