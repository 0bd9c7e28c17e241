"""The function as Lambda loads it, an ECS as its API model says, and CloudFormation's end of the URL."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.lambda_.custom_resource import load

CLUSTER = "richesreach-prod"
DEFINITION = "arn:aws:ecs:us-east-1:123456789012:task-definition/richesreach-prod-gateway-migrate:7"
TASK = f"arn:aws:ecs:us-east-1:123456789012:task/{CLUSTER}/0123456789abcdef"
PROPERTIES = {
    "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:runner",
    "Cluster": CLUSTER,
    "TaskDefinition": DEFINITION,
    "Subnets": ["subnet-1", "subnet-2"],
    "SecurityGroups": ["sg-1"],
}
RUN_TASK = {
    "cluster": CLUSTER,
    "taskDefinition": DEFINITION,
    "count": 1,
    "launchType": "FARGATE",
    "startedBy": "cloudformation",
    "networkConfiguration": {
        "awsvpcConfiguration": {
            "subnets": ["subnet-1", "subnet-2"],
            "securityGroups": ["sg-1"],
            "assignPublicIp": "DISABLED",
        }
    },
}


@pytest.fixture(scope="session")
def index() -> ModuleType:
    """The module, as Lambda loads it."""
    return load("run_task")


@dataclass
class CloudFormation:
    """A real HTTP server in place of the pre-signed URL; keeps what was PUT to it."""

    url: str
    answers: list[dict[str, Any]] = field(default_factory=list)
    content_types: list[str | None] = field(default_factory=list)

    def event(
        self, request_type: str, properties: dict[str, Any] = PROPERTIES, **more: str
    ) -> dict[str, Any]:
        return {
            "RequestType": request_type,
            "ResponseURL": f"{self.url}/answer?signature=a%2Fb",
            "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/ecs/1",
            "RequestId": "request-1",
            "LogicalResourceId": "gatewaymigrateRun",
            "ResourceProperties": properties,
            **more,
        }

    @property
    def answer(self) -> dict[str, Any]:
        (only,) = self.answers
        return only


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            assert self.path == "/answer?signature=a%2Fb"
            body = self.rfile.read(int(self.headers["content-length"]))
            received.answers.append(json.loads(body))
            received.content_types.append(self.headers["content-type"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    received = CloudFormation(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Ecs:
    """A boto3 client whose answers are checked against the API model and come in the order given."""

    client: Any
    stub: Stubber

    def starts(self) -> None:
        self.stub.add_response("run_task", {"tasks": [{"taskArn": TASK}], "failures": []}, RUN_TASK)

    def does_not_start(self, *reasons: str) -> None:
        failures = [{"arn": TASK, "reason": reason} for reason in reasons]
        self.stub.add_response("run_task", {"tasks": [], "failures": failures}, RUN_TASK)

    def is_seen(self, status: str, stopped: str = "", **container: Any) -> None:
        task = {
            "taskArn": TASK,
            "lastStatus": status,
            "stoppedReason": stopped,
            "containers": [{"name": "gateway", **container}],
        }
        expected = {"cluster": CLUSTER, "tasks": [TASK]}
        self.stub.add_response("describe_tasks", {"tasks": [task], "failures": []}, expected)


@pytest.fixture
def ecs(monkeypatch: pytest.MonkeyPatch, index: ModuleType) -> Iterator[Ecs]:
    client = boto3.client(
        "ecs", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    monkeypatch.setattr(index.boto3, "client", lambda service: {"ecs": client}[service])
    monkeypatch.setattr(index, "POLL_SECONDS", 0.0)
    with Stubber(client) as stub:
        yield Ecs(client, stub)
        stub.assert_no_pending_responses()


class Context:
    """Lambda's context: the time left, in milliseconds, at each question."""

    def __init__(self, *left: int) -> None:
        self.left = list(left)

    def get_remaining_time_in_millis(self) -> int:
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


PLENTY = Context(900_000)
