"""The daemon as a process: alone, orderly in its end, and with nothing left when it is killed."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.local import aws, state
from ops.local.paths import PYTHON, ROOT
from ops.local.process import send_signal, start_time
from ops.local.state import State
from tests.aws_calls.recorder import RECORDED
from tests.ops.local.conftest import deploy, eventually, free_port

REGION = "us-east-1"
PORT = 5472
SECRET = '{"username": "platform", "password": "secret-of-the-test"}'


class Daemon:
    """A supervisor with folders and ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.env = {
            **os.environ,
            "RICHESREACH_STATE_DIR": str(folder),
            "RICHESREACH_AWS_PORT": str(self.port),
            "RICHESREACH_EDGE_PORT": str(free_port()),
            "RICHESREACH_REGIONS": REGION,
        }

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "supervisor.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*RECORDED, "ops.local.supervisor"], cwd=ROOT, env=self.env, stdout=log, stderr=log
            )
        started = self.process.pid
        eventually(
            lambda: self.state().supervisor.pid == started and self.state().local_aws.status == "running"
        )

    def send(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def state(self) -> State:
        return state.read(self.folder / "run" / "state.json")

    def pids(self) -> dict[int, int | None]:
        """Every child by id, with its start time."""
        return {p.pid: start_time(p.pid) for p in self.state().processes if p.pid}

    def running(self, kind: str) -> bool:
        return any(p.kind == kind and p.status == "running" for p in self.state().processes)

    def deploy(self) -> None:
        """A database and a service without a load balancer, so that there is something to end."""
        cluster = {
            "DBClusterIdentifier": "supervised",
            "Engine": "aurora-postgresql",
            "Port": PORT,
            "MasterUsername": "platform",
            "MasterUserPassword": "secret-of-the-test",
        }
        instance = {
            "DBInstanceIdentifier": "supervised-1",
            "DBClusterIdentifier": {"Ref": "Cluster"},
            "DBInstanceClass": "db.serverless",
            "Engine": "aurora-postgresql",
        }
        attachment = {"SecretId": {"Ref": "Secret"}, "TargetId": {"Ref": "Cluster"}}
        deploy(
            REGION,
            "supervised",
            {
                "Cluster": {"Type": "AWS::RDS::DBCluster", "Properties": cluster},
                "Instance": {"Type": "AWS::RDS::DBInstance", "Properties": instance},
                "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": SECRET}},
                "Attachment": {
                    "Type": "AWS::SecretsManager::SecretTargetAttachment",
                    "Properties": {**attachment, "TargetType": "AWS::RDS::DBCluster"},
                },
            },
        )
        ecs = aws.client("ecs", REGION)
        ecs.create_cluster(clusterName="supervised")
        ecs.register_task_definition(
            family="sleeper",
            containerDefinitions=[{"name": "app", "image": "app", "command": ["/bin/sleep", "1000"]}],
        )
        ecs.create_service(
            cluster="supervised", serviceName="sleeper", taskDefinition="sleeper:1", desiredCount=1
        )
        eventually(lambda: self.running("postgres") and self.running("task"))


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path / "platform")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RICHESREACH_AWS_PORT", str(made.port))
        made.start()
        yield made
    assert made.process is not None
    if made.process.poll() is None:
        made.send(signal.SIGTERM)


def all_gone(pids: dict[int, int | None]) -> bool:
    return not any(start_time(pid) == started for pid, started in pids.items())


def test_orderly_end_leaves_no_process_and_no_pid_file(daemon: Daemon) -> None:
    daemon.deploy()
    pids = daemon.pids()
    assert len(pids) == 3
    assert daemon.send(signal.SIGTERM) == 0
    assert all_gone(pids)
    assert not (daemon.folder / "run" / "supervisor.pid").exists()
    assert daemon.state().local_aws.status == "stopped"
    assert {p.status for p in daemon.state().processes} == {"stopped"}


def test_second_supervisor_is_refused_with_the_mend(daemon: Daemon) -> None:
    second = subprocess.run(
        [str(PYTHON), "-m", "ops.local.supervisor"],
        cwd=ROOT,
        env=daemon.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert "a supervisor runs already" in second.stderr
    assert "Traceback" not in second.stderr
    assert daemon.state().local_aws.status == "running"


def test_killed_supervisor_takes_every_child_along_and_the_next_one_begins_anew(daemon: Daemon) -> None:
    daemon.deploy()
    pids = daemon.pids()
    daemon.send(signal.SIGKILL)
    eventually(lambda: all_gone(pids))
    daemon.start()
    assert not daemon.state().databases
    eventually(lambda: not (daemon.folder / "data" / "postgres" / "supervised-1").exists())
    daemon.deploy()


def test_death_of_the_local_aws_stops_everything_with_the_reason(daemon: Daemon) -> None:
    daemon.deploy()
    pids = daemon.pids()
    local_aws = next(p.pid for p in daemon.state().processes if p.kind == "local-aws")
    assert send_signal(local_aws, start_time(local_aws) or 0, signal.SIGKILL)
    assert daemon.process is not None
    assert daemon.process.wait(30) == 1
    assert all_gone(pids)
    assert daemon.state().local_aws.status == "failed"
    assert "ended by SIGKILL" in daemon.state().local_aws.reason


def test_missing_regions_are_a_clear_error(tmp_path: Path) -> None:
    env = {**os.environ, "RICHESREACH_STATE_DIR": str(tmp_path), "RICHESREACH_REGIONS": ""}
    answer = subprocess.run(
        [str(PYTHON), "-m", "ops.local.supervisor"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert "RICHESREACH_REGIONS" in answer.stderr
    assert "Traceback" not in answer.stderr
