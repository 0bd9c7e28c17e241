"""The function as Lambda loads it, a real writer with its reader, and a secret that opens both."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.secretsmanager.models import secretsmanager_backends

from ops.local.paths import ROOT
from ops.local.process import ProcessError
from ops.local.reconcilers.aurora import install
from ops.local.reconcilers.aurora_topology import Credentials, Instance
from ops.local.reconcilers.postgres import PostgresServer
from tests.loopback import SERVERS

HOME, EUROPE, ASIA = "us-east-1", "eu-west-1", "ap-southeast-1"
WRITER, READER = f"{SERVERS}.7.1", f"{SERVERS}.7.2"
ENDPOINT = "/richesreach/test/global-db/database-endpoint"
SECRET = "richesreach/test/database"
USER, OLD = "richesreach", "old-password-of-32-characters-xx"
PORT = 5432
ACCOUNT = "123456789012"  # moto's
TOKEN = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="session")
def rotation() -> ModuleType:
    """`lambda/rotation/index.py`, which finds its neighbour as in the function's own folder."""
    folder = ROOT / "lambda" / "rotation"
    sys.path.insert(0, str(folder))
    try:
        spec = importlib.util.spec_from_file_location("rotation_index", folder / "index.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module


@dataclass
class Database:
    """Two members: `reader` replays what `writer` writes."""

    writer: PostgresServer
    reader: PostgresServer

    def password(self, password: str) -> None:
        """Set by hand, as an operator would."""
        self.writer.query(f"ALTER ROLE {USER} PASSWORD '{password}'")

    def opens(self, password: str) -> bool:
        """Whether the writer lets the user in with it."""
        server = self.writer.installation
        command = [str(server.binaries / "psql"), "-XAtqc", "select 1", "-h", self.writer.spec.listen[0]]
        command += ["-p", str(PORT), "-U", USER, "-d", "richesreach"]
        return run(command, {"PGPASSWORD": password, "PATH": "/usr/bin:/bin"}) == 0


def run(command: list[str], env: dict[str, str]) -> int:
    return subprocess.run(command, env=env, capture_output=True, check=False, cwd="/").returncode


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("rotation")
    for parent in [folder, *folder.parents][:3]:  # pytest makes its folders private
        parent.chmod(0o755)
    (folder / "logs").mkdir()
    installation = install(folder / "data", folder / "logs")
    writer, reader = (
        PostgresServer(Instance(HOME, "test", name, PORT, (address,)), installation)
        for address, name in ((WRITER, "one"), (READER, "two"))
    )
    try:
        writer.create(Credentials(USER, OLD), "richesreach")
        reader.clone(writer.peer)
        reader.start()
        yield Database(writer, reader)
    finally:
        for server in (reader, writer):
            try:
                server.stop()
            except ProcessError:
                continue


@pytest.fixture
def database(servers: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    servers.password(OLD)
    for name, value in {
        "DATABASE_PORT": str(PORT),
        "DATABASE_NAME": "richesreach",
        "DATABASE_TLS": "false",
        "CLUSTER": "richesreach-test",
        "SERVICES": "gateway,elsewhere",
    }.items():
        monkeypatch.setenv(name, value)
    return servers


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Secrets Manager at home, the secret replicated; a service in both regions' clusters; the reader at home
    and the writer abroad, so that it is found by what it is. A third region has a replica and no member."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": HOME,
        "DATABASE_ENDPOINT": ENDPOINT,
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("secretsmanager", HOME)
        client.create_secret(
            Name=SECRET,
            SecretString=json.dumps({"username": USER, "password": OLD, "host": "kept"}),
            AddReplicaRegions=[{"Region": EUROPE}, {"Region": ASIA}],
        )
        for region, host in ((HOME, READER), (EUROPE, WRITER)):
            boto3.client("ssm", region).put_parameter(Name=ENDPOINT, Value=host, Type="String")
        for region in (HOME, EUROPE):
            ecs = boto3.client("ecs", region)
            ecs.create_cluster(clusterName="richesreach-test")
            container = {"name": "gateway", "image": "gateway", "memory": 128}
            ecs.register_task_definition(family="gateway", containerDefinitions=[container])
            ecs.create_service(
                cluster="richesreach-test", serviceName="gateway", taskDefinition="gateway", desiredCount=1
            )
        yield client


@pytest.fixture
def step(rotation: ModuleType, manager: Any) -> Callable[..., None]:
    """Calls the function for one step of the rotation `token`, as Secrets Manager does."""

    def call(name: str, token: str = TOKEN) -> None:
        if token not in manager.describe_secret(SecretId=SECRET)["VersionIdsToStages"]:
            begin(token)
        rotation.handler({"SecretId": SECRET, "ClientRequestToken": token, "Step": name}, None)

    return call


def begin(token: str) -> None:
    """Secrets Manager announces the version before the first step: a label, and no value yet."""
    secret = secretsmanager_backends[ACCOUNT][HOME].secrets[SECRET]
    secret.versions[token] = {"version_id": token, "version_stages": ["AWSPENDING"], "createdate": 0}


def value(manager: Any, stage: str = "AWSCURRENT") -> dict[str, str]:
    """Fields of one version."""
    found: dict[str, str] = json.loads(
        manager.get_secret_value(SecretId=SECRET, VersionStage=stage)["SecretString"]
    )
    return found
