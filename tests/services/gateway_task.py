"""The gateway as a task runs it: its environment, its application with a client, and its process."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryFile

import httpx
import loopback
import postgres_servers
from cache_servers import CachePair
from fastapi import FastAPI
from postgres_servers import PostgresCluster
from richesreach.core import logs
from richesreach.core.settings import Settings
from richesreach.gateway.app import create_app

logging.getLogger("httpx").setLevel(logging.WARNING)  # the tests' own client, not the service's

Environment = dict[str, str]
SERVICES = Path(__file__).parents[2] / "services"


def task_environment(cluster: PostgresCluster | None, caches: CachePair | None) -> Environment:
    """What the platform puts into a task; addresses without a server stand for servers that are down."""
    nowhere = "127.60.255.254"
    writer = f"postgresql://{nowhere}:5432,{nowhere}:5433/richesreach?target_session_attrs=read-write"
    reader = f"postgresql://{nowhere}:5432/richesreach?target_session_attrs=any"
    if cluster is not None:
        # The reader first: a writer is found by what it is, not by where it stands.
        writer = cluster.dsn(cluster.reader, cluster.writer, session="read-write")
        reader = cluster.dsn(cluster.reader, cluster.writer, session="any")
    primary, replica = (caches.primary, caches.replica) if caches else (None, None)
    primary_host, primary_port = (primary.host, primary.port) if primary else (nowhere, 6379)
    replica_host, replica_port = (replica.host, replica.port) if replica else (nowhere, 6380)
    return {
        "SERVICE_NAME": "gateway",
        "ENVIRONMENT": "test",
        "AWS_REGION": "eu-west-1",
        "HOME_REGION": "us-east-1",
        "WRITER_REGION": "us-east-1",
        "BIND_ADDRESS": loopback.own_address()[0],
        "PORT": "8000",
        "LOG_LEVEL": "DEBUG",
        "S3_BUCKET": "richesreach-test-lake",
        "DATABASE_WRITER_DSN": writer,
        "DATABASE_READER_DSN": reader,
        "DATABASE_USER": postgres_servers.USER,
        "DATABASE_PASSWORD": postgres_servers.PASSWORD,
        "REDIS_PRIMARY_HOST": primary_host,
        "REDIS_PRIMARY_PORT": str(primary_port),
        "REDIS_SECONDARY_HOST": replica_host,
        "REDIS_SECONDARY_PORT": str(replica_port),
        "REDIS_TLS": "false",
        "GLOBAL_CACHE_HOST": primary_host,
        "GLOBAL_CACHE_PORT": str(primary_port),
        "GLOBAL_CACHE_WRITER_HOST": primary_host,
    }


@asynccontextmanager
async def client_of(app: FastAPI, address: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of a started application; to its limits a caller from that address."""
    transport = httpx.ASGITransport(app=app, client=(address, 1024))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as client,
    ):
        yield client


def gateway_app(environment: Environment) -> FastAPI:
    settings = Settings.from_environment(environment)
    logs.configure(service=settings.service_name, region=settings.region, level=settings.log_level)
    return create_app(settings)


class ServiceProcess:
    """`python -m module` with a task's environment and nothing else of ours; its output is kept."""

    def __init__(self, module: str, environment: Environment, *folders: Path) -> None:
        self._output = TemporaryFile()  # noqa: SIM115 (open as long as the process)
        path = os.pathsep.join(map(str, (SERVICES, Path(__file__).parent, *folders)))
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": path,
                "PYTHONDONTWRITEBYTECODE": "1",
                **environment,
            },
            preexec_fn=loopback.die_with_parent,  # noqa: PLW1509
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def output(self) -> str:
        # Without a seek: the process writes where the file that both share stands.
        file = self._output.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode()

    def wait(self) -> int:
        """The exit status."""
        return self.process.wait(60)

    def ask_to_stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)
