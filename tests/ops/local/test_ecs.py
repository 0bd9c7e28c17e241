"""Services and one-off tasks as processes, behind a real load balancer process, through the API only."""

import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from ops.local import aws
from ops.local.paths import PYTHON
from ops.local.reconcilers.addresses import Addresses
from ops.local.reconcilers.ecs import Ecs
from ops.local.reconcilers.rollout import Patience
from ops.local.reconcilers.tasks import Host
from ops.local.reconcilers.traffic import LoadBalancers
from ops.local.state import ProcessState, ServiceState
from tests.ops.local.conftest import eventually

REGION = "eu-west-1"
SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ok = self.path == "/health"
        self.send_response(200 if ok else 404)
        self.end_headers()
        self.wfile.write(f"{os.environ['VERSION']} {os.environ.get('TOKEN', '')}".encode())
    def log_message(self, *_):
        pass
http.server.HTTPServer((os.environ["BIND_ADDRESS"], 8000), Handler).serve_forever()
"""


class Platform:
    """A cluster with a load balancer; the reconcilers in one loop."""

    def __init__(self, host: Host, run: Any) -> None:
        addresses = Addresses("127.62", ("none", REGION))
        self.ecs = Ecs(host, (REGION,), addresses, run, patience=Patience(failing=4.0, replace=30.0))
        self.balancers = LoadBalancers(aws.client, (REGION,), addresses, host.logs, run / "lbs.json")
        self.services: dict[str, ServiceState] = {}
        self.processes: tuple[ProcessState, ...] = ()
        self.tasks: tuple[ProcessState, ...] = ()
        self.cluster = "ecs-test"
        aws.client("ecs", REGION).create_cluster(clusterName=self.cluster)
        elbv2 = aws.client("elbv2", REGION)
        ec2 = aws.client("ec2", REGION)
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        group = elbv2.create_target_group(
            Name="web", Protocol="HTTP", Port=8000, VpcId=vpc, TargetType="ip", HealthCheckPath="/health"
        )
        self.group = group["TargetGroups"][0]["TargetGroupArn"]
        balancer = elbv2.create_load_balancer(Name="ecs-test", Type="application")["LoadBalancers"][0]
        elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=8080,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop)
        self._thread.start()

    def _loop(self) -> None:
        while not self._stopping.wait(0.2):
            self.processes = self.balancers.reconcile().processes
            report = self.ecs.reconcile()
            self.tasks = report.processes
            self.services = {s.name: s for s in report.services}

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        self.ecs.stop()
        self.balancers.stop()

    def register(self, family: str, **container: Any) -> str:
        """A task definition of one container; its ARN."""
        definition = {
            "name": "app",
            "image": "000000000000.dkr.ecr.eu-west-1.amazonaws.com/assets:1",
            "essential": True,
            "command": ["python", "-c", SERVER],
            "portMappings": [{"containerPort": 8000}],
            **container,
        }
        answer = aws.client("ecs", REGION).register_task_definition(
            family=family, containerDefinitions=[definition]
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def version(self, number: str, **container: Any) -> str:
        """A revision of the web service that answers with its version."""
        environment = [{"name": "VERSION", "value": number}]
        return self.register("web", environment=environment, **container)

    def deploy(self, revision: str) -> None:
        aws.client("ecs", REGION).update_service(cluster=self.cluster, service="web", taskDefinition=revision)

    def get(self) -> str:
        """The body that the load balancer answers; raises OSError on anything but 200."""
        with urllib.request.urlopen("http://127.62.2.1:8080/health", timeout=5) as answer:
            return str(answer.read().decode())

    def status(self, name: str = "web") -> str:
        return self.services[name].status if name in self.services else "unknown"

    def serves(self, version: str) -> bool:
        try:
            return self.status() == "steady" and self.get().startswith(version)
        except OSError:
            return False

    def run_task(self, definition: str, **overrides: Any) -> dict[str, Any]:
        """Run a one-off task to its end; as DescribeTasks tells it."""
        ecs = aws.client("ecs", REGION)
        container = {"name": "app", **overrides}
        started = ecs.run_task(
            cluster=self.cluster, taskDefinition=definition, overrides={"containerOverrides": [container]}
        )
        arn = started["tasks"][0]["taskArn"]

        def ended() -> dict[str, Any] | None:
            task: dict[str, Any] = ecs.describe_tasks(cluster=self.cluster, tasks=[arn])["tasks"][0]
            return task if task["lastStatus"] == "STOPPED" else None

        found: dict[str, Any] = eventually(ended)
        return found


@pytest.fixture(scope="module")
def platform(local_aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("ecs")
    run = folder / "run"
    run.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RICHESREACH_STATE_DIR", str(folder))
        running = Platform(Host(aws.client, folder / "logs", folder / "tasks", PYTHON), run)
        try:
            # The load balancer first, so that it has the first address.
            eventually(lambda: running.processes)
            aws.client("ecs", REGION).create_service(
                cluster=running.cluster,
                serviceName="web",
                taskDefinition=running.version("one"),
                desiredCount=2,
                loadBalancers=[
                    {"targetGroupArn": running.group, "containerName": "app", "containerPort": 8000}
                ],
            )
            eventually(lambda: running.serves("one"))
            yield running
        finally:
            running.close()


def test_service_runs_its_desired_count_behind_the_load_balancer(platform: Platform) -> None:
    assert platform.services["web"].healthy == 2
    assert platform.get().startswith("one")


def test_new_revision_replaces_the_old_one_without_a_failed_request(platform: Platform) -> None:
    failures: list[str] = []
    answers: set[str] = set()
    stopping = threading.Event()

    def ask() -> None:
        while not stopping.wait(0.02):
            try:
                answers.add(platform.get())
            except OSError as error:
                failures.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        platform.deploy(platform.version("two"))
        eventually(lambda: platform.serves("two") and platform.services["web"].running == 2)
    finally:
        stopping.set()
        asking.join()
    assert not failures
    assert len(answers) == 2


def test_missing_secret_is_named_and_the_old_revision_serves_on(platform: Platform) -> None:
    arn = f"arn:aws:secretsmanager:{REGION}:{aws.ACCOUNT}:secret:absent-AbCdEf:token::"
    platform.deploy(platform.version("three", secrets=[{"name": "TOKEN", "valueFrom": arn}]))
    eventually(lambda: platform.status() == "failing")
    assert "absent-AbCdEf not found" in platform.services["web"].reason
    assert platform.get().startswith("two")


def test_service_recovers_when_the_secret_appears(platform: Platform) -> None:
    manager = aws.client("secretsmanager", REGION)
    arn = manager.create_secret(Name="token", SecretString='{"token": "s3cret"}')["ARN"]
    platform.deploy(platform.version("four", secrets=[{"name": "TOKEN", "valueFrom": f"{arn}:token::"}]))
    eventually(lambda: platform.serves("four s3cret"))


def test_crashing_revision_is_failing_with_its_last_error_without_secrets(platform: Platform) -> None:
    arn = aws.client("secretsmanager", REGION).describe_secret(SecretId="token")["ARN"]
    crash = "import os; raise ValueError('bad token ' + os.environ['TOKEN'])"
    secrets = [{"name": "TOKEN", "valueFrom": f"{arn}:token::"}]
    platform.deploy(platform.version("five", command=["python", "-c", crash], secrets=secrets))
    eventually(lambda: platform.status() == "failing")
    assert platform.services["web"].reason == "exit code 1: ValueError: bad token ***"
    assert platform.get().startswith("four")


def test_wrong_health_path_is_failing_with_the_health_of_the_target(platform: Platform) -> None:
    elbv2 = aws.client("elbv2", REGION)
    platform.deploy(platform.version("six"))
    eventually(lambda: platform.serves("six"))
    elbv2.modify_target_group(
        TargetGroupArn=platform.group, HealthCheckPath="/absent", HealthCheckIntervalSeconds=5
    )
    platform.deploy(platform.version("seven"))
    eventually(lambda: platform.status() == "failing" and "404" in platform.services["web"].reason)
    elbv2.modify_target_group(
        TargetGroupArn=platform.group, HealthCheckPath="/health", HealthCheckIntervalSeconds=5
    )
    eventually(lambda: platform.serves("seven"))


def test_container_without_command_is_failing_with_the_mend(platform: Platform) -> None:
    ecs = aws.client("ecs", REGION)
    definition = platform.register("silent", command=[], portMappings=[])
    ecs.create_service(
        cluster=platform.cluster, serviceName="silent", taskDefinition=definition, desiredCount=1
    )
    eventually(lambda: platform.status("silent") == "failing")
    assert "neither Command nor EntryPoint" in platform.services["silent"].reason
    ecs.delete_service(cluster=platform.cluster, service="silent", force=True)


def test_one_off_task_reports_its_exit_code(platform: Platform) -> None:
    definition = platform.register("migrate", command=["python", "-c", "raise SystemExit(3)"])
    assert platform.run_task(definition)["containers"][0]["exitCode"] == 3


def test_one_off_task_takes_overrides(platform: Platform) -> None:
    definition = platform.register("migrate")
    command = ["python", "-c", "import os; raise SystemExit(int(os.environ['CODE']))"]
    ended = platform.run_task(definition, command=command, environment=[{"name": "CODE", "value": "0"}])
    assert ended["containers"][0]["exitCode"] == 0


def test_one_off_task_with_a_missing_secret_stops_with_the_reason(platform: Platform) -> None:
    definition = platform.register("migrate", secrets=[{"name": "KEY", "valueFrom": "/absent/parameter"}])
    ended = platform.run_task(definition)
    assert "parameter /absent/parameter" in ended["stoppedReason"]
    assert "exitCode" not in ended["containers"][0]


def test_deleted_service_leaves_no_task(platform: Platform) -> None:
    aws.client("ecs", REGION).delete_service(cluster=platform.cluster, service="web", force=True)
    eventually(lambda: not platform.ecs.services and not platform.tasks)
