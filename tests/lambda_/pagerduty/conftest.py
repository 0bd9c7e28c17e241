"""The function as Lambda imports it, a secret in moto, and an Events API on this machine."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from stacks.yaml_file import ROOT
from tests.lambda_.pagerduty.events_api import EventsApi

KEY = "R0UTINGKEY0123456789abcdefabcdef"
REGION = "eu-west-1"
TOPIC = f"arn:aws:sns:{REGION}:111111111111:richesreach-prod-"
RUNBOOKS = "https://runbooks.richesreach.example"


@pytest.fixture(scope="session")
def function() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pagerduty_index", ROOT / "lambda/pagerduty/index.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def api() -> Iterator[EventsApi]:
    server = EventsApi()
    yield server
    server.close()


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, api: EventsApi) -> Iterator[Any]:
    """Secrets Manager without the secret, and the function's variables."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "EVENTS_URL": api.url,
        "ROUTING_KEY_SECRET_NAME": "richesreach/prod/pagerduty",
        "ENVIRONMENT": "prod",
        "TOPIC_PAGE": f"{TOPIC}page",
        "TOPIC_TICKET": f"{TOPIC}ticket",
        "RUNBOOK_BASE_URL": RUNBOOKS,
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield boto3.client("secretsmanager", region_name=REGION)


@pytest.fixture
def with_key(secrets: Any) -> None:
    secrets.create_secret(Name="richesreach/prod/pagerduty", SecretString=KEY)


@pytest.fixture(autouse=True)
def no_waiting(function: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the function would have waited between attempts."""
    waited: list[float] = []
    monkeypatch.setattr(function.send, "__defaults__", (waited.append,))
    return waited
