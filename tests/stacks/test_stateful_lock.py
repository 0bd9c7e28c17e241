"""No deployment removes or replaces what holds state unless the committed lock changes with it."""

from __future__ import annotations

import pytest

from ops.plan.assembly import read
from ops.stateful_lock import document
from ops.stateful_lock.command import chosen
from ops.stateful_lock.comparison import entries, findings
from ops.stateful_lock.document import Entry, path_of, text
from tests.stacks.assembly import Assembly

ENVIRONMENTS = ("prod", "staging")


@pytest.fixture
def locked() -> dict[str, Entry]:
    return document.read("prod").resources


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_nothing_stateful_is_removed_replaced_or_unlocked(name: str, request: pytest.FixtureRequest) -> None:
    assembly: Assembly = request.getfixturevalue(name)
    found = findings(document.read(name).resources, entries(read(assembly.folder).values()))
    assert found == [], "\n".join(f"{each}\n    {each.mend}" for each in found)


def test_every_protected_environment_has_a_lock() -> None:
    assert tuple(chosen(None)) == ENVIRONMENTS == tuple(document.locked_environments())


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_committed_file_is_as_the_command_writes_it(name: str) -> None:
    assert path_of(name).read_text(encoding="utf-8") == text(name, document.read(name))


def test_switchover_touches_nothing_stateful_but_logs_and_unstarted_tasks_of_what_moves(
    locked: dict[str, Entry], moved_writer: Assembly
) -> None:
    found = findings(locked, entries(read(moved_writer.folder).values()))
    left = [each for each in found if each.type != "AWS::Logs::LogGroup"]
    assert {each.name for each in left} == {"richesreach-prod-history-partitions-not-started"}


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::Cognito::UserPool",
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::KMS::Key",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::RDS::GlobalCluster",
        "AWS::Route53::HostedZone",
        "AWS::S3::Bucket",
        "AWS::SecretsManager::Secret",
    ],
)
def test_lock_knows_what_holds_data(kind: str, locked: dict[str, Entry]) -> None:
    assert any(entry.type == kind for entry in locked.values())
