"""The mock model provider runs where a service's secret asks for one, and the secret leads to it."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.local import aws
from ops.local.reconcilers import models
from ops.local.reconcilers.models import EMPTY, SECRET, Models
from ops.local.state import ProcessState
from stacks.service_secrets import stack as service_secrets
from tests import loopback
from tests.ops.local.conftest import REGIONS, deploy, eventually

HOME, EUROPE, _ = REGIONS
ADDRESS = f"{loopback.SERVERS}.75.1"


@pytest.fixture
def mock(local_aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Models]:
    monkeypatch.setattr(models, "ADDRESS", ADDRESS)
    reconciler = Models(aws.client, HOME, tmp_path)
    yield reconciler
    reconciler.stop()


def running(mock: Models) -> ProcessState:
    def found() -> ProcessState | None:
        return next((p for p in mock.reconcile().processes if p.status == "running"), None)

    state: ProcessState = eventually(found)
    return state


@pytest.fixture
def born(local_aws: str) -> Iterator[None]:
    """The secret as the service-secrets stack makes it, with a copy in Europe, and gone afterwards."""
    alias = "alias/richesreach-local-secrets"
    policy = {"Version": "2012-10-17", "Statement": []}
    keys = {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}},
        "Alias": {
            "Type": "AWS::KMS::Alias",
            "Properties": {"AliasName": alias, "TargetKeyId": {"Ref": "Key"}},
        },
    }
    properties = {
        "Name": SECRET,
        "SecretString": EMPTY,
        "KmsKeyId": alias,
        "ReplicaRegions": [{"Region": EUROPE, "KmsKeyId": alias}],
    }
    made = {"Type": "AWS::SecretsManager::Secret", "Properties": properties, "DependsOn": ["Alias"]}
    deploy(EUROPE, "models-key", keys)
    deploy(HOME, "models-under-test", {**keys, "Secret": made})
    yield
    for region, stack in ((HOME, "models-under-test"), (EUROPE, "models-key")):
        cloudformation = aws.client("cloudformation", region)
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})


def value_in(region: str) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(
        aws.client("secretsmanager", region).get_secret_value(SecretId=SECRET)["SecretString"]
    )
    return held


def test_nothing_runs_where_no_service_has_the_secret(mock: Models) -> None:
    assert mock.reconcile().processes == ()


@pytest.mark.usefixtures("born")
def test_empty_secret_leads_in_every_region_to_a_mock_that_says_so(mock: Models) -> None:
    state = running(mock)
    assert (state.kind, state.address) == ("models", ADDRESS)
    for region in (HOME, EUROPE):
        base = value_in(region)["openai"]["base_url"]
        assert base == f"http://{ADDRESS}:{state.port}/v1"
        with urllib.request.urlopen(f"{base}/models", timeout=10) as answer:
            assert b"mock" in answer.read().lower()


@pytest.mark.usefixtures("born")
def test_secret_that_somebody_filled_in_is_left_alone(mock: Models) -> None:
    mine = {"openai": {"keys": [{"id": "own", "key": "a-key-of-somebody"}]}}
    aws.client("secretsmanager", HOME).put_secret_value(SecretId=SECRET, SecretString=json.dumps(mine))
    mock.reconcile()
    assert value_in(HOME) == mine


@pytest.mark.usefixtures("born")
def test_mock_ends_with_the_secret(mock: Models) -> None:
    state = running(mock)
    aws.client("secretsmanager", HOME).delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    assert mock.reconcile().processes == ()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((ADDRESS, state.port), 1.0)


def test_secret_is_empty_in_the_words_of_the_stack_that_makes_it() -> None:
    assert service_secrets.EMPTY == EMPTY
