"""What a run decides from what it knows: what is owed, how long, what is stuck, what AWS's refusals mean."""

from __future__ import annotations

import os

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from moto import mock_aws

from ops.deploy.approval import check
from ops.deploy.asking import Account, asking
from ops.deploy.expected import DEFAULTS, Expected
from ops.deploy.formation import State
from ops.deploy.graph import Graph
from ops.deploy.here import who
from ops.deploy.one_stack import Kind
from ops.deploy.refresh import owed, read_outputs
from ops.deploy.waves import Wave
from ops.errors import OperationError, UsageError
from ops.plan.assembly import Stack

HOME = "us-east-1"


def reader(name: str, producer: str) -> Stack:
    value = {"Fn::GetStackOutput": {"StackName": producer, "OutputName": "Arn"}}
    template = {"Resources": {"Reads": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": value}}}}
    return Stack(name, HOME, "111111111111", template)


def graph() -> Graph:
    made = Stack("makes", HOME, "111111111111", {"Resources": {}})
    return Graph({"makes": made, "first": reader("first", "makes"), "second": reader("second", "makes")})


def states(arn: str) -> dict[str, State]:
    makes = State("makes", HOME, "UPDATE_COMPLETE", outputs={"Arn": arn})
    return {"makes": makes} | {name: State(name, HOME, "CREATE_COMPLETE") for name in ("first", "second")}


def started(arn: str) -> dict[str, object]:
    before = read_outputs(graph(), states(arn)["makes"], "makes")
    return {"event": "stack-started", "stack": "makes", "outputs": before}


def test_killed_run_owes_readers_the_change_that_it_did_not_see() -> None:
    assert owed(graph(), [started("old")], states("new")) == {"first": "makes", "second": "makes"}


def test_reader_that_was_deployed_after_it_is_owed_nothing() -> None:
    finished = {"event": "stack-finished", "stack": "first"}
    assert owed(graph(), [started("old"), finished], states("new")) == {"second": "makes"}


def test_output_that_stayed_the_same_is_owed_to_nobody() -> None:
    assert owed(graph(), [started("same")], states("same")) == {}


def test_debt_that_an_earlier_run_recorded_is_carried_on() -> None:
    assert owed(graph(), [{"event": "owed", "stack": "second", "because": "makes"}], states("new")) == {
        "second": "makes"
    }


def test_stack_that_is_not_deployed_is_owed_nothing() -> None:
    present = {name: state for name, state in states("new").items() if name != "second"}
    assert owed(graph(), [started("old")], present) == {"first": "makes"}


def test_expected_time_is_that_of_the_last_run_else_the_areas() -> None:
    name = f"richesreach-prod-{HOME}-ecs"
    known = Expected(Graph({name: Stack(name, HOME, "1", {"Resources": {}})}), {(name, "create"): 42.0})
    assert known.seconds(name, Kind.CREATE) == 42.0
    assert known.seconds(name, Kind.REFRESH) == DEFAULTS["ecs"][Kind.UPDATE]


@pytest.mark.parametrize(("concurrency", "seconds"), [(1, 60.0), (2, 40.0), (3, 40.0)])
def test_wave_takes_as_long_as_its_stacks_in_their_order(concurrency: int, seconds: float) -> None:
    made = {name: Stack(name, HOME, "1", {"Resources": {}}, needs) for name, needs in NEEDS.items()}
    known = Expected(Graph(made), {(name, "update"): 20.0 for name in made})
    wave = Wave(HOME, tuple(made))
    assert known.wave(wave, dict.fromkeys(made, Kind.UPDATE), concurrency) == seconds


NEEDS: dict[str, tuple[str, ...]] = {"a": (), "b": (), "c": ("a",)}


@pytest.mark.parametrize(
    ("status", "mend"),
    [
        ("ROLLBACK_COMPLETE", "`aws cloudformation delete-stack --region us-east-1 --stack-name it`"),
        ("UPDATE_ROLLBACK_FAILED", "`aws cloudformation continue-update-rollback --region us-east-1"),
        ("UPDATE_FAILED", "`aws cloudformation rollback-stack --region us-east-1 --stack-name it`"),
        ("DELETE_FAILED", "could not be deleted as a whole"),
    ],
)
def test_stuck_stack_says_what_to_do(status: str, mend: str) -> None:
    assert mend in State("it", HOME, status).blocked


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_stack_that_can_be_deployed_is_neither_stuck_nor_waited_for(status: str) -> None:
    state = State("it", HOME, status)
    assert (state.blocked, state.busy) == ("", False)


@pytest.mark.parametrize(
    ("code", "mend"),
    [
        ("ExpiredToken", "sign in again, e.g. `aws sso login`, and repeat the command$"),
        ("AccessDenied", "may not do this"),
        ("InvalidClientTokenId", "set AWS_PROFILE"),
        ("Throttling", "; repeat the command$"),
    ],
)
def test_refusal_of_aws_is_one_line_with_a_mend(code: str, mend: str) -> None:
    with (
        pytest.raises(OperationError, match=f"the lock cannot be read: .*{mend}"),
        asking("prod", "the lock cannot be read"),
    ):
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetParameter")


@pytest.mark.parametrize(
    ("error", "mend"),
    [
        (NoCredentialsError(), "set AWS_PROFILE"),
        (EndpointConnectionError(endpoint_url="https://ssm"), "; repeat the command$"),
    ],
)
def test_asking_without_an_answer_is_one_line_with_a_mend(error: Exception, mend: str) -> None:
    with pytest.raises(OperationError, match=mend), asking("prod", "the lock cannot be read"):
        raise error


def test_every_missing_yes_is_named_at_once() -> None:
    with pytest.raises(OperationError, match="add --yes a/B --yes access"):
        check("prod", ["a/B", "access"], [], planned=False)


def test_yes_to_a_plan_is_yes_to_what_it_names() -> None:
    check("prod", ["a/B", "access"], ["plan"], planned=True)
    with pytest.raises(UsageError, match="--plan FILE"):
        check("prod", [], ["plan"], planned=False)


@mock_aws
def test_owner_of_a_lock_is_the_caller_as_aws_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    me = who(Account("prod"), HOME)
    assert (me.name, me.pid) == ("user/moto", os.getpid())
