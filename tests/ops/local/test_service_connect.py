"""Names of services, as tasks find them: through the API, the agent and the forwarding process only."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.local import aws
from ops.local.paths import PYTHON
from ops.local.reconcilers.addresses import Addresses
from ops.local.reconcilers.ecs import Ecs
from ops.local.reconcilers.rollout import Patience
from ops.local.reconcilers.service_connect import ServiceConnect, renamed
from ops.local.reconcilers.tasks import Host
from tests.loopback import OTHER_TASKS, SERVERS
from tests.ops.local.conftest import deploy, eventually

REGION, CLUSTER, NAMESPACE = "ap-southeast-1", "names-test", "names"
# Answers with its own address, so that the caller can tell the tasks apart.
SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["BIND_ADDRESS"].encode())
    def log_message(self, *_):
        pass
http.server.HTTPServer((os.environ["BIND_ADDRESS"], 8000), Handler).serve_forever()
"""
# Asks whom its environment names, and writes down who answered.
CALLER = """
import os, pathlib, time, urllib.request
while True:
    try:
        with urllib.request.urlopen(os.environ["NEIGHBOUR_PRICES_HTTP"], timeout=2) as answer:
            said = answer.read().decode()
    except OSError as error:
        said = f"failed: {type(error).__name__}"
    with open(os.environ["HEARD"], "a") as heard:
        heard.write(said + "\\n")
    time.sleep(0.1)
"""


def definition(family: str, program: str, **variables: str) -> dict[str, Any]:
    container = {
        "Name": "app",
        "Image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/assets:1",
        "Essential": True,
        "Command": ["python", "-c", program],
        "PortMappings": [{"ContainerPort": 8000, "Name": "http"}],
        "Environment": [{"Name": name, "Value": value} for name, value in variables.items()],
    }
    return {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {"Family": family, "ContainerDefinitions": [container]},
    }


def service(name: str, task: str, count: int, *served: dict[str, Any], after: str = "") -> dict[str, Any]:
    return {
        "Type": "AWS::ECS::Service",
        **({"DependsOn": after} if after else {}),
        "Properties": {
            "ServiceName": name,
            "Cluster": CLUSTER,
            "TaskDefinition": {"Ref": task},
            "DesiredCount": count,
            "ServiceConnectConfiguration": {
                "Enabled": True,
                "Namespace": NAMESPACE,
                "Services": list(served),
            },
        },
    }


PRICES = {
    "PortName": "http",
    "DiscoveryName": "prices",
    "ClientAliases": [{"DnsName": "prices", "Port": 9000}],
}


class Names:
    """The agent and the names of one cluster, and what its caller heard."""

    def __init__(self, folder: Path) -> None:
        self.heard_file = folder / "heard"
        host = Host(aws.client, folder / "logs", folder / "tasks", PYTHON)
        regions = ("one", "two", REGION)
        self.connect = ServiceConnect(
            Addresses(f"{SERVERS}", regions), folder / "connect.json", folder / "logs"
        )
        tasks = Addresses(OTHER_TASKS, regions)
        self.ecs = Ecs(
            host, (REGION,), tasks, folder, patience=Patience(failing=10, replace=30), connect=self.connect
        )
        aws.client("ecs", REGION).create_cluster(clusterName=CLUSTER)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop)
        self._thread.start()

    def _loop(self) -> None:
        while not self._stopping.wait(0.2):
            self.ecs.reconcile()
            self.connect.reconcile()

    def deploy(self, count: int) -> None:
        deploy(
            REGION,
            "names",
            {
                "PricesTask": definition("prices", SERVER),
                "CallerTask": definition(
                    "caller", CALLER, NEIGHBOUR_PRICES_HTTP="http://prices:9000", HEARD=str(self.heard_file)
                ),
                "Prices": service("prices", "PricesTask", count, PRICES),
                "Caller": service("caller", "CallerTask", 1, after="Prices"),
            },
        )

    def heard(self) -> list[str]:
        return self.heard_file.read_text().splitlines() if self.heard_file.exists() else []

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        aws.client("cloudformation", REGION).delete_stack(StackName="names")
        self.ecs.stop()
        self.connect.stop()


@pytest.fixture(scope="module")
def names(local_aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    folder = tmp_path_factory.mktemp("names")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RICHESREACH_STATE_DIR", str(folder))
        running = Names(folder)
        try:
            running.deploy(2)
            yield running
        finally:
            running.close()


def test_a_task_reaches_every_task_of_its_neighbour_by_its_name(names: Names) -> None:
    eventually(lambda: len({said for said in names.heard() if not said.startswith("failed")}) == 2)


def test_a_task_that_is_gone_is_asked_no_more_and_the_caller_needs_no_restart(names: Names) -> None:
    names.deploy(1)
    eventually(lambda: len(names.ecs.services[REGION, CLUSTER, "prices"].healthy) == 1)
    (left,) = names.ecs.services[REGION, CLUSTER, "prices"].healthy
    eventually(lambda: set(names.heard()[-20:]) == {left})


def test_a_neighbour_without_a_healthy_task_answers_nothing_and_is_back_with_its_first(names: Names) -> None:
    names.deploy(0)
    eventually(lambda: all(said.startswith("failed") for said in names.heard()[-5:]))
    names.deploy(1)
    eventually(lambda: not any(said.startswith("failed") for said in names.heard()[-5:]))


def test_only_whole_names_become_addresses() -> None:
    known = {"gateway:8000": "127.95.1.1:8000", "gateway-grpc:9000": "127.95.1.2:9000"}
    given = {
        "http://gateway:8000/x": "http://127.95.1.1:8000/x",
        "gateway-grpc:9000": "127.95.1.2:9000",
        "http://the-gateway:8000": "http://the-gateway:8000",
        "gateway:80001": "gateway:80001",
        "gateway": "gateway",
    }
    assert {value: renamed(value, known) for value in given} == given
