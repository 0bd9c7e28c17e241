"""Ids of managed prefix lists, as EC2 gives them in this region."""

from __future__ import annotations

import http.server
import importlib.util
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

SOURCE = Path(__file__).resolve().parents[3] / "lambda" / "prefix_lists" / "index.py"
CLOUDFRONT = "com.amazonaws.global.cloudfront.origin-facing"
CHECKERS = "com.amazonaws.eu-west-1.route53-healthchecks"
NAMES = {"CloudFront": CLOUDFRONT, "HealthCheckers": CHECKERS}


@pytest.fixture(scope="module")
def index() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prefix_lists_index", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ec2(*found: tuple[str, str, str]) -> Any:
    """EC2 that knows these lists (name, id, owner): moto has no list of CloudFront's."""
    client = boto3.client(
        "ec2", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    stubber = Stubber(client)
    lists = [
        {"PrefixListName": name, "PrefixListId": identity, "OwnerId": owner}
        for name, identity, owner in found
    ]
    asked = {"Filters": [{"Name": "prefix-list-name", "Values": sorted(NAMES.values())}]}
    stubber.add_response("describe_managed_prefix_lists", {"PrefixLists": lists}, asked)
    stubber.activate()
    return client


def test_each_attribute_is_the_id_of_its_list(index: ModuleType) -> None:
    client = ec2((CHECKERS, "pl-2", "AWS"), (CLOUDFRONT, "pl-1", "AWS"))
    assert index.look_up(NAMES, client) == {"CloudFront": "pl-1", "HealthCheckers": "pl-2"}


def test_list_that_somebody_else_gave_the_name_is_not_taken(index: ModuleType) -> None:
    client = ec2((CHECKERS, "pl-2", "AWS"), (CLOUDFRONT, "pl-1", "123456789012"))
    with pytest.raises(index.UnknownPrefixListError, match=CLOUDFRONT):
        index.look_up(NAMES, client)


def test_name_that_aws_lacks_here_is_named(index: ModuleType) -> None:
    with pytest.raises(index.UnknownPrefixListError, match=CHECKERS):
        index.look_up(NAMES, ec2((CLOUDFRONT, "pl-1", "AWS")))


@pytest.fixture
def cloudformation() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """CloudFormation's end of the pre-signed URL: its address, and what was PUT to it."""
    received: list[dict[str, Any]] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", received
    server.shutdown()
    thread.join()
    server.server_close()


def event(url: str, kind: str) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": url,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "PrefixLists",
        "ResourceProperties": {"ServiceToken": "function", "Names": NAMES},
    }


def test_cloudformation_gets_the_ids_as_attributes(
    index: ModuleType, cloudformation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, received = cloudformation
    known = ec2((CHECKERS, "pl-2", "AWS"), (CLOUDFRONT, "pl-1", "AWS"))
    monkeypatch.setattr(index.boto3, "client", lambda _: known)
    index.handler(event(url, "Create"), None)
    (answer,) = received
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"] == {"CloudFront": "pl-1", "HealthCheckers": "pl-2"}
    assert answer["PhysicalResourceId"] == "stack/PrefixLists"


def test_cloudformation_is_told_which_list_is_missing(
    index: ModuleType, cloudformation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, received = cloudformation
    known = ec2((CHECKERS, "pl-2", "AWS"))
    monkeypatch.setattr(index.boto3, "client", lambda _: known)
    index.handler(event(url, "Update"), None)
    assert received[0]["Status"] == "FAILED"
    assert CLOUDFRONT in received[0]["Reason"]


def test_deletion_asks_for_nothing(index: ModuleType, cloudformation: Any) -> None:
    url, received = cloudformation
    index.handler(event(url, "Delete"), None)
    assert received[0]["Status"] == "SUCCESS"
