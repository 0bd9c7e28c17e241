"""In which order stacks go, and what one that cannot go does to the others, without CloudFormation."""

from __future__ import annotations

import pytest
from botocore.stub import Stubber

from ops.deploy.asking import Account
from ops.deploy.formation import Formation
from ops.destroy import buckets
from ops.destroy.removal import Removal
from ops.errors import OperationError
from ops.local import aws
from ops.plan.assembly import Stack
from stacks.environment import load_environment

FORMATION = Formation(Account("local"), load_environment("local"))
EMPTY: frozenset[str] = frozenset()


class Deleting(Removal):
    """Deletes by noting it; ``refuses`` is what AWS does not let go."""

    order: list[str]
    refuses = ""

    def _deleted(self, stack: Stack) -> str:
        if stack.name == self.refuses:
            raise OperationError("the credentials may not do this")
        self.order.append(stack.name)
        return ""


def removal(guarded: set[str]) -> Deleting:
    made = Deleting(FORMATION, print, guarded, lambda: made.order.append("snapshot"), 0)
    made.order = []
    return made


def go(made: Removal, dependents: dict[str, frozenset[str]]) -> list[str]:
    stacks = {name: Stack(name, "us-east-1", "1", {"Resources": {}}) for name in dependents}
    return made.run(stacks, dependents, 1, lambda *_: None)


def test_last_snapshot_waits_for_whatever_may_still_write_in_any_region() -> None:
    made = removal({"home-db", "eu-db"})
    dependents = {
        "eu-db": EMPTY,
        "home-app": frozenset({"home-edge"}),
        "home-edge": EMPTY,
        "home-db": frozenset({"home-app", "home-edge", "eu-db"}),
    }
    assert go(made, dependents) == []
    assert made.order.index("snapshot") > made.order.index("home-app")
    assert made.order[-2:] == ["eu-db", "home-db"]


def test_what_stands_between_two_databases_does_not_hold_the_snapshot_up() -> None:
    made = removal({"first", "second"})
    assert (
        go(made, {"second": EMPTY, "between": frozenset({"second"}), "first": frozenset({"between"})}) == []
    )
    assert made.order == ["snapshot", "second", "between", "first"]


def test_stack_that_aws_refuses_is_named_and_the_others_go() -> None:
    made = removal(set())
    made.refuses = "one"
    assert go(made, {"one": EMPTY, "two": EMPTY}) == ["one: the credentials may not do this"]
    assert made.order == ["two"]


def test_databases_stay_where_their_last_snapshot_fails() -> None:
    made = removal({"db"})

    def fails() -> None:
        raise OperationError("the snapshot failed")

    made.before = fails
    assert go(made, {"db": EMPTY, "network": frozenset({"db"}), "app": EMPTY}) == ["the snapshot failed"]
    assert made.order == ["app"]


def test_object_that_s3_keeps_is_named() -> None:
    s3 = aws.client("s3", "us-east-1")
    kept = {"Key": "trail/one", "Code": "AccessDenied", "Message": "object is locked"}
    with Stubber(s3) as stub:
        listed = {"Versions": [{"Key": "trail/one", "VersionId": "1"}], "IsTruncated": False}
        stub.add_response("list_object_versions", listed)
        stub.add_response("delete_objects", {"Errors": [kept]})
        with pytest.raises(OperationError, match="1 versions stay in the bucket b: trail/one: AccessDenied"):
            buckets._empty(FORMATION, s3, "b")
