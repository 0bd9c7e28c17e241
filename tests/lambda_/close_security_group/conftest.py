"""The function as Lambda loads it, EC2 as moto plays it, and CloudFormation's end of the URL."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.lambda_.custom_resource import load


@pytest.fixture(scope="session")
def index() -> ModuleType:
    """The module, as Lambda loads it."""
    return load("close_security_group")


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws(config={"core": {"passthrough": {"urls": [r"http://127\.0\.0\.1:.*"]}}}):
        yield boto3.client("ec2")


class CloudFormation:
    """A real HTTP server in place of the pre-signed URL; keeps what was PUT to it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/answer?signature=a%2Fb"
        self.answers: list[dict[str, Any]] = []
        self.content_types: list[str | None] = []

    def event(self, request_type: str, group: str, **more: str) -> dict[str, Any]:
        return {
            "RequestType": request_type,
            "ResponseURL": self.url,
            "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/network/1",
            "RequestId": "request-1",
            "LogicalResourceId": "DefaultGroup",
            "ResourceProperties": {"ServiceToken": "arn", "GroupId": group, "Revision": "1"},
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
            received.answers.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            received.content_types.append(self.headers["content-type"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    received = CloudFormation(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield received
    server.shutdown()
    thread.join()
    server.server_close()
