"""Where clients of the cluster begin, as MSK gives it; moto lacks that call, so botocore's stub answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.lambda_.custom_resource import event, load, response_url

INDEX = load("stream_brokers")
CLUSTER = "arn:aws:kafka:eu-west-1:123456789012:cluster/platform/11111111-1111-1111-1111-111111111111-1"
ANSWER = {
    "BootstrapBrokerStringSaslIam": "b-2.example:9098,b-1.example:9098",
    "BootstrapBrokerStringTls": "b-1.example:9094",
}


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client(
        "kafka", region_name="eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    monkeypatch.setattr(INDEX.boto3, "client", lambda _service: client)
    with Stubber(client) as stub:
        yield stub


def ask(request: str, security: str = "iam") -> dict[str, Any]:
    with response_url() as (url, answers):
        INDEX.handler(event(url, request, {"ClusterArn": CLUSTER, "Security": security}), None)
    (answer,) = answers
    return answer


def test_cloudformation_gets_the_brokers_in_their_order(kafka: Stubber) -> None:
    kafka.add_response("get_bootstrap_brokers", ANSWER, {"ClusterArn": CLUSTER})
    answer = ask("Create")
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"] == {"Brokers": "b-1.example:9098,b-2.example:9098"}


def test_cluster_that_admits_no_such_clients_fails_the_deployment_and_says_so(kafka: Stubber) -> None:
    kafka.add_response("get_bootstrap_brokers", ANSWER, {"ClusterArn": CLUSTER})
    answer = ask("Update", "plaintext")
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == f"the cluster {CLUSTER} admits no clients by plaintext: see its authentication"


def test_deletion_asks_for_nothing(kafka: Stubber) -> None:
    assert ask("Delete")["Status"] == "SUCCESS"
