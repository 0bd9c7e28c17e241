"""A function with copies at the edge cannot be deleted yet: tried again, then left and said.

Only CloudFront makes such copies: no server here does, so botocore's Stubber answers for CloudFormation.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from ops.deploy.asking import Account
from ops.deploy.formation import Formation
from ops.destroy.removal import Removal
from ops.plan.assembly import Stack
from stacks.environment import load_environment

HOME = "us-east-1"
NAME = f"richesreach-prod-{HOME}-edge"
REPLICATED = (
    "Lambda was unable to delete it because it is a replicated function. Please see our documentation"
)
STACK = Stack(NAME, HOME, "111111111111", {"Resources": {}})
_ID = f"arn:aws:cloudformation:{HOME}:111111111111:stack/{NAME}/1"


class Answers:
    """What CloudFormation says, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        self.client = boto3.client("cloudformation", region_name=HOME)
        self.stub = Stubber(self.client)
        self.stub.activate()
        monkeypatch.setattr(Account, "client", lambda *_: self.client)

    def deletion(self, **more: Any) -> None:
        self.stub.add_response("update_termination_protection", {})
        self.stub.add_response("delete_stack", {}, {"StackName": NAME, **more})

    def refused(self) -> None:
        now = datetime.now(UTC)
        stack = {"StackName": NAME, "CreationTime": now, "StackStatus": "DELETE_FAILED"}
        self.stub.add_response("describe_stacks", {"Stacks": [stack]})
        event = {
            "StackId": _ID,
            "EventId": "1",
            "StackName": NAME,
            "Timestamp": now,
            "LogicalResourceId": "OriginRequest",
            "PhysicalResourceId": "richesreach-prod-origin-request",
            "ResourceType": "AWS::Lambda::Function",
            "ResourceStatus": "DELETE_FAILED",
            "ResourceStatusReason": REPLICATED,
        }
        self.stub.add_response("describe_stack_events", {"StackEvents": [event]})

    def gone(self) -> None:
        self.stub.add_client_error(
            "describe_stacks", "ValidationError", f"Stack with id {NAME} does not exist"
        )

    def failed_resources(self) -> None:
        resource = {
            "LogicalResourceId": "OriginRequest",
            "PhysicalResourceId": "richesreach-prod-origin-request",
            "ResourceType": "AWS::Lambda::Function",
            "LastUpdatedTimestamp": datetime.now(UTC),
            "ResourceStatus": "DELETE_FAILED",
        }
        self.stub.add_response("list_stack_resources", {"StackResourceSummaries": [resource]})


def removal(said: Callable[[str], None], seconds: float) -> Removal:
    formation = Formation(Account("prod"), load_environment("prod"))
    return Removal(formation, said, (), lambda: None, seconds, look=0.01, replica_look=0.01)


def remove(made: Removal) -> list[str]:
    return made.run({NAME: STACK}, {NAME: frozenset()}, 1, lambda *_: None)


def test_function_whose_copies_go_in_time_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers(monkeypatch)
    answers.deletion()
    answers.refused()
    answers.deletion()
    answers.gone()
    said: list[str] = []
    made = removal(said.append, 60)
    assert (remove(made), made.left) == ([], [])
    assert said == [f"  {NAME}: copies of its functions are still at the edge; trying again"]
    answers.stub.assert_no_pending_responses()


def test_function_whose_copies_stay_is_left_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers(monkeypatch)
    answers.deletion()
    answers.refused()
    answers.failed_resources()
    answers.deletion(RetainResources=["OriginRequest"])
    answers.gone()
    made = removal(lambda text: None, 0)
    assert remove(made) == []
    assert made.left == [(HOME, "AWS::Lambda::Function", "richesreach-prod-origin-request")]
    answers.stub.assert_no_pending_responses()
