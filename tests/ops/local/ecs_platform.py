"""A cluster with a load balancer in front of it, and the reconcilers in one loop."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ops.local import aws
from ops.local.reconcilers.addresses import Addresses
from ops.local.reconcilers.ecs import Ecs
from ops.local.reconcilers.rollout import Patience
from ops.local.reconcilers.tasks import Host
from ops.local.reconcilers.traffic import LoadBalancers
from ops.local.state import ProcessState, ServiceState
from tests.loopback import TASKS
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


@dataclass
class Heard:
    """What a load balancer answered to whom asked all the time, and the errors of what it did not."""

    answers: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


class Platform:
    """A cluster with a load balancer; the reconcilers in one loop."""

    def __init__(self, host: Host, run: Any, cluster: str = "ecs-test", network: str = TASKS) -> None:
        addresses = Addresses(network, ("none", REGION))
        self.address = f"{network}.2.1"
        self.ecs = Ecs(host, (REGION,), addresses, run, patience=Patience(failing=4.0, replace=30.0))
        self.balancers = LoadBalancers(aws.client, (REGION,), addresses, host.logs, run / "lbs.json")
        self.services: dict[str, ServiceState] = {}
        self.processes: tuple[ProcessState, ...] = ()
        self.tasks: tuple[ProcessState, ...] = ()
        self.cluster = cluster
        aws.client("ecs", REGION).create_cluster(clusterName=self.cluster)
        elbv2 = aws.client("elbv2", REGION)
        ec2 = aws.client("ec2", REGION)
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        self.group, self.alternate = (
            elbv2.create_target_group(
                Name=f"{cluster}-{colour}",
                Protocol="HTTP",
                Port=8000,
                VpcId=vpc,
                TargetType="ip",
                HealthCheckPath="/health",
                HealthCheckIntervalSeconds=5,
            )["TargetGroups"][0]["TargetGroupArn"]
            for colour in ("blue", "green")
        )
        balancer = elbv2.create_load_balancer(Name=cluster, Type="application")["LoadBalancers"][0]
        self.balancer = str(balancer["LoadBalancerArn"])
        listener = elbv2.create_listener(
            LoadBalancerArn=self.balancer,
            Protocol="HTTP",
            Port=8080,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )
        self.listener = listener["Listeners"][0]["ListenerArn"]
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
        """Ends every process, and leaves nothing in the region that another platform would run."""
        self._stopping.set()
        self._thread.join()
        ecs = aws.client("ecs", REGION)
        for arn in ecs.list_services(cluster=self.cluster)["serviceArns"]:
            ecs.delete_service(cluster=self.cluster, service=arn, force=True)
        aws.client("elbv2", REGION).delete_load_balancer(LoadBalancerArn=self.balancer)
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
        with urllib.request.urlopen(f"http://{self.address}:8080/health", timeout=5) as answer:
            return str(answer.read().decode())

    @contextmanager
    def asked(self) -> Iterator[Heard]:
        """Asks the load balancer all the time, until the block ends."""
        heard, stopping = Heard(), threading.Event()

        def ask() -> None:
            while not stopping.wait(0.02):
                try:
                    heard.answers.add(self.get())
                except OSError as error:
                    heard.failures.append(str(error))

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            yield heard
        finally:
            stopping.set()
            asking.join()

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
