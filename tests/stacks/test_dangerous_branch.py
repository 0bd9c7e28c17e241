"""A branch that shrinks the database, renames the lake and opens a security group; and one with another tag.

What the plan shows first, with which exit status, and what the lock says, on prod as it is synthesised.
"""

from __future__ import annotations

import pytest

from ops.plan import document
from ops.plan.assembly import Stack, read
from ops.plan.report import Plan, Verdict, plan
from ops.stateful_lock.comparison import Kind, entries, findings
from ops.stateful_lock.document import read as read_lock
from stacks.environment import load_environment
from tests.stacks.assembly import Assembly
from tests.stacks.branches import DANGEROUS, OFFICE, TAGGED, branch

REGIONS = 3


@pytest.fixture(scope="module")
def before(prod: Assembly) -> dict[str, Stack]:
    return read(prod.folder)


@pytest.fixture(scope="module")
def dangerous(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stack]:
    """The packs of the policy name the lake as it was: that the branch is not ripe hides nothing here."""
    return branch(tmp_path_factory.mktemp("dangerous"), DANGEROUS)


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stack]:
    return branch(tmp_path_factory.mktemp("tagged"), TAGGED)


@pytest.fixture(scope="module")
def planned(before: dict[str, Stack], dangerous: dict[str, Stack]) -> Plan:
    return plan(load_environment("prod"), "what is deployed", before, dangerous)


def test_plan_shows_instance_lake_and_security_group_before_anything_else(planned: Plan) -> None:
    state, access, *_ = document.sections(planned)
    red = [row for row in state.rows if row.tone is document.Tone.DANGER]
    assert red == list(state.rows[: len(red)])
    told = [" ".join(row.cells) for row in red]
    assert sum("DBInstance" in each and "removed" in each for each in told) == REGIONS
    assert sum("pond" in each and "replaced" in each for each in told) == REGIONS
    assert len(told) == 2 * REGIONS
    assert (state.title, access.title) == ("State", "Access")
    assert {row.cells[-1] for row in access.rows[:REGIONS]} == {f"now lets in tcp 443 from {OFFICE}"}


def test_less_capacity_is_shown_among_the_changes_of_state(planned: Plan) -> None:
    state, *_ = document.sections(planned)
    shrunk = [row for row in state.rows if "MaxCapacity: 32 → 16" in row.cells[-1]]
    assert len(shrunk) == REGIONS


def test_plan_needs_a_yes(planned: Plan) -> None:
    assert planned.verdict is Verdict.NEEDS_YES
    assert int(planned.verdict) == 3


def test_lock_finds_what_would_be_lost_and_nothing_else(dangerous: dict[str, Stack]) -> None:
    found = findings(read_lock("prod").resources, entries(dangerous.values()))
    assert sorted((each.type, each.kind) for each in found) == [
        *[("AWS::RDS::DBInstance", Kind.REMOVED)] * REGIONS,
        *[("AWS::S3::Bucket", Kind.REPLACED)] * REGIONS,
    ]


def test_tag_is_a_change_that_needs_no_yes(before: dict[str, Stack], tagged: dict[str, Stack]) -> None:
    made = plan(load_environment("prod"), "what is deployed", before, tagged)
    assert made.verdict is Verdict.CHANGES
    assert int(made.verdict) == 2


def test_lock_lets_a_tag_pass(tagged: dict[str, Stack]) -> None:
    assert findings(read_lock("prod").resources, entries(tagged.values())) == []
