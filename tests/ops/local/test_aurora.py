"""A global database on real Postgres servers, driven only through the API of the local AWS."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from ops.local import aws
from ops.local.process import send_signal, start_time
from ops.local.reconcilers.aurora import Aurora, install
from ops.local.reconcilers.postgres_files import find_binaries
from ops.local.state import DatabaseState
from tests.ops.local.conftest import REGIONS, deploy, eventually

HOME, EUROPE, ASIA = REGIONS
PORT = 5462
PASSWORD = "it's a \\ test"
SECRET = '{"username": "platform", "password": "it\'s a \\\\ test"}'


def cluster(region: str, **more: Any) -> dict[str, Any]:
    """A member of the global cluster in one region, with one instance."""
    name = f"aurora-test-{region}"
    properties = {
        "DBClusterIdentifier": name,
        "Engine": "aurora-postgresql",
        "GlobalClusterIdentifier": "aurora-test",
        "Port": PORT,
        **more,
    }
    instance = {
        "DBInstanceIdentifier": f"{name}-1",
        "DBClusterIdentifier": {"Ref": "Cluster"},
        "DBInstanceClass": "db.serverless",
        "Engine": "aurora-postgresql",
    }
    return {
        "Cluster": {"Type": "AWS::RDS::DBCluster", "Properties": properties},
        "Instance": {"Type": "AWS::RDS::DBInstance", "Properties": instance},
    }


def home() -> dict[str, Any]:
    """The home region: global cluster, credentials, the first member."""
    resources = cluster(HOME, MasterUsername="platform", MasterUserPassword=PASSWORD, DatabaseName="market")
    resources["Cluster"]["DependsOn"] = ["Global"]
    attachment = {
        "SecretId": {"Ref": "Secret"},
        "TargetId": {"Ref": "Cluster"},
        "TargetType": "AWS::RDS::DBCluster",
    }
    return {
        **resources,
        "Global": {
            "Type": "AWS::RDS::GlobalCluster",
            "Properties": {"GlobalClusterIdentifier": "aurora-test", "Engine": "aurora-postgresql"},
        },
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": SECRET}},
        "Attachment": {"Type": "AWS::SecretsManager::SecretTargetAttachment", "Properties": attachment},
    }


class Platform:
    """The reconciler in a loop of its own, and a client of the databases."""

    def __init__(self, aurora: Aurora) -> None:
        self.aurora = aurora
        self.databases: dict[str, DatabaseState] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop)
        self._thread.start()

    def _loop(self) -> None:
        while not self._stopping.wait(0.2):
            report = self.aurora.reconcile()
            self.databases = {d.region: d for d in report.databases}

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        self.aurora.stop()

    def roles(self) -> dict[str, str]:
        return {region: d.role for region, d in self.databases.items() if d.status == "running"}

    def sql(self, region: str, statement: str) -> str | None:
        """The answer of the region's server to the master user; None when it refuses."""
        found = self.databases[region]
        argv = [
            str(find_binaries() / "psql"),
            "-XqAtw",
            "-h",
            found.address,
            "-p",
            str(PORT),
            "-U",
            "platform",
        ]
        env = {"PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "2"}
        answer = subprocess.run(
            [*argv, "-d", "market", "-c", statement], env=env, capture_output=True, text=True, check=False
        )
        return answer.stdout.strip() if answer.returncode == 0 else None

    def answers(self, region: str, statement: str, expected: str) -> bool:
        return self.sql(region, statement) == expected


@pytest.fixture(scope="module")
def platform(local_aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("aurora")
    deploy(HOME, "aurora", home())
    for region in (EUROPE, ASIA):
        deploy(region, "aurora", cluster(region))
    running = Platform(Aurora(aws.client, REGIONS, install(folder / "data", folder / "logs")))
    try:
        eventually(lambda: len(running.roles()) == 3)
        yield running
    finally:
        running.close()


def test_home_cluster_writes_and_secondaries_read(platform: Platform) -> None:
    assert platform.roles() == {HOME: "writer", EUROPE: "reader", ASIA: "reader"}


def test_row_written_in_the_home_region_is_read_in_both_others(platform: Platform) -> None:
    assert platform.sql(HOME, "CREATE TABLE quote (price int); INSERT INTO quote VALUES (7)") is not None
    for region in (EUROPE, ASIA):
        eventually(partial(platform.answers, region, "SELECT price FROM quote", "7"))


def test_replica_refuses_a_write(platform: Platform) -> None:
    assert platform.sql(EUROPE, "CREATE TABLE refused (a int)") is None


def test_master_user_is_no_superuser(platform: Platform) -> None:
    assert platform.sql(HOME, "SELECT rolsuper FROM pg_roles WHERE rolname = 'platform'") == "f"


def test_killed_writer_comes_back_in_its_role_with_its_rows(platform: Platform) -> None:
    platform.sql(HOME, "CREATE TABLE survivor (a int); INSERT INTO survivor VALUES (1)")
    child = platform.aurora.servers[f"{HOME}/aurora-test-{HOME}-1"].keeper.child
    assert child is not None
    assert send_signal(child.pid, start_time(child.pid) or 0, signal.SIGKILL)
    server = platform.aurora.servers[f"{HOME}/aurora-test-{HOME}-1"]
    eventually(lambda: server.keeper.restarts == 1)
    eventually(lambda: platform.sql(HOME, "SELECT a FROM survivor") == "1")
    eventually(lambda: platform.roles() == {HOME: "writer", EUROPE: "reader", ASIA: "reader"})


def test_switchover_through_the_api_moves_the_writer_and_keeps_every_acknowledged_row(
    platform: Platform,
) -> None:
    platform.sql(HOME, "CREATE TABLE fill (id int)")
    acknowledged: list[int] = []
    stopping = threading.Event()

    def write() -> None:
        for number in range(100_000):
            if stopping.is_set():
                return
            for region in (HOME, EUROPE):
                if platform.sql(region, f"INSERT INTO fill SELECT {number}") is not None:
                    acknowledged.append(number)
                    break

    writer = threading.Thread(target=write)
    writer.start()
    try:
        eventually(lambda: len(acknowledged) > 10)
        aws.client("rds", HOME).switchover_global_cluster(
            GlobalClusterIdentifier="aurora-test",
            TargetDbClusterIdentifier=f"arn:aws:rds:{EUROPE}:{aws.ACCOUNT}:cluster:aurora-test-{EUROPE}",
        )
        eventually(lambda: platform.roles() == {HOME: "reader", EUROPE: "writer", ASIA: "reader"})
        before = len(acknowledged)
        eventually(lambda: len(acknowledged) > before + 10)
    finally:
        stopping.set()
        writer.join()
    for region in REGIONS:
        eventually(partial(platform.answers, region, "SELECT max(id) FROM fill", str(acknowledged[-1])))
        rows = platform.sql(region, "SELECT id FROM fill") or ""
        assert set(acknowledged) <= {int(row) for row in rows.split()}


def test_failover_through_the_api_moves_the_writer_on(platform: Platform) -> None:
    aws.client("rds", HOME).failover_global_cluster(
        GlobalClusterIdentifier="aurora-test",
        TargetDbClusterIdentifier=f"arn:aws:rds:{HOME}:{aws.ACCOUNT}:cluster:aurora-test-{HOME}",
        AllowDataLoss=True,
    )
    eventually(lambda: platform.roles() == {HOME: "writer", EUROPE: "reader", ASIA: "reader"})
    assert platform.sql(HOME, "CREATE TABLE moved (a int); INSERT INTO moved VALUES (3)") is not None
    for region in (EUROPE, ASIA):
        eventually(partial(platform.answers, region, "SELECT a FROM moved", "3"))


def test_removed_instance_is_stopped_and_its_data_deleted(platform: Platform) -> None:
    server = platform.aurora.servers[f"{ASIA}/aurora-test-{ASIA}-1"]
    assert server.folder.exists()
    aws.client("rds", ASIA).delete_db_instance(
        DBInstanceIdentifier=f"aurora-test-{ASIA}-1", SkipFinalSnapshot=True
    )
    eventually(lambda: ASIA not in platform.databases)
    assert not server.keeper.running()
    assert not server.folder.exists()
