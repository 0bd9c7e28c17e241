"""Templates of what is deployed, asked of CloudFormation."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from ops.errors import OperationError
from ops.local import aws
from ops.plan import deployed
from ops.plan.assembly import Stack
from stacks.environment import load_environment
from tests.ops.local.conftest import eventually

REGION = "eu-west-1"
QUEUE = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "planned"}}}}
OWN = ["richesreach-local-eu-west-1-data", "richesreach-local-eu-west-1-retired"]


@pytest.fixture
def stacks(local_aws: str) -> Iterator[None]:
    client = aws.client("cloudformation", REGION)
    names = [*OWN, "richesreach-dev-eu-west-1-data"]
    for number, name in enumerate(names):
        body = json.dumps(QUEUE).replace("planned", f"planned-{number}")
        client.create_stack(StackName=name, TemplateBody=body)
    for name in names:
        eventually(partial(is_made, client, name))
    yield
    for name in names:
        client.delete_stack(StackName=name)


def is_made(client: Any, name: str) -> bool:
    return bool(client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")


def test_every_stack_of_the_environment_is_read_and_no_other(stacks: None) -> None:
    wanted = Stack(OWN[0], REGION, aws.ACCOUNT, QUEUE)
    found = deployed.read(load_environment("local"), [wanted])
    assert sorted(found) == OWN
    assert found[OWN[0]].template == json.loads(json.dumps(QUEUE).replace("planned", "planned-0"))
    assert found[OWN[0]].region == REGION


def test_nothing_deployed_is_nothing(local_aws: str) -> None:
    assert deployed.read(load_environment("local"), []) == {}


def test_cloudformation_that_refuses_is_one_error_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(OperationError, match="--base <git revision>"):
        deployed.read(load_environment("prod"), [])
