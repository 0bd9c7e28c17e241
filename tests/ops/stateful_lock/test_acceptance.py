"""A change is accepted by its id, with a reason, and no other one with it."""

from __future__ import annotations

import pytest

from ops.errors import UsageError
from ops.stateful_lock.acceptance import Reason, accept, add
from ops.stateful_lock.comparison import findings
from ops.stateful_lock.document import Entry
from tests.ops.stateful_lock.locks import CLUSTER, DAY, KEY, STACK, lock

REASON = Reason("restored into the new cluster on 3 May", "A. Engineer", DAY)
RENAMED = Entry(type="AWS::RDS::DBCluster", deletion="Snapshot", fixed={"DBClusterIdentifier": "other"})
NEW = f"{STACK}/Lake"
LAKE = Entry(type="AWS::S3::Bucket", deletion="Retain")


def test_accepted_replacement_is_locked_as_it_is_now() -> None:
    now = lock(**{CLUSTER: RENAMED}).resources
    assert accept(lock(), now, [CLUSTER], REASON).resources[CLUSTER] == RENAMED


def test_accepted_removal_leaves_the_lock() -> None:
    now = {KEY: lock().resources[KEY]}
    assert accept(lock(), now, [CLUSTER], REASON).resources.keys() == {KEY}


def test_reason_author_date_and_change_are_kept() -> None:
    (recorded,) = accept(lock(), {KEY: lock().resources[KEY]}, [CLUSTER], REASON).history
    assert (recorded.id, recorded.why, recorded.by, recorded.date) == (CLUSTER, REASON.why, REASON.by, DAY)
    assert recorded.change == ["would be removed, or is kept no longer"]


def test_acceptance_of_one_leaves_every_other_open() -> None:
    now = {CLUSTER: RENAMED, NEW: LAKE}
    left = findings(accept(lock(), now, [CLUSTER], REASON).resources, now)
    assert [finding.id for finding in left] == [KEY, NEW]


def test_new_resource_can_be_accepted_with_a_reason() -> None:
    now = lock(**{NEW: LAKE}).resources
    assert accept(lock(), now, [NEW], REASON).resources[NEW] == LAKE


def test_adding_locks_what_is_new_and_accepts_no_loss() -> None:
    now = {CLUSTER: RENAMED, NEW: LAKE}
    resources = add(lock(), now).resources
    assert resources == lock(**{NEW: LAKE}).resources


def test_misspelt_id_names_the_near_one() -> None:
    with pytest.raises(UsageError, match=f"did you mean {CLUSTER}"):
        accept(lock(), {}, [f"{STACK}/Clustre"], REASON)


def test_id_that_does_not_change_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to accept"):
        accept(lock(), lock().resources, [KEY], REASON)


def test_id_of_nothing_points_to_the_check() -> None:
    with pytest.raises(UsageError, match="richesreach lock check"):
        accept(lock(), lock().resources, ["x"], REASON)


@pytest.mark.parametrize("why", ["", "ok", "because of reasons?"[:9], "a b c"])
def test_reason_that_says_nothing_is_refused(why: str) -> None:
    with pytest.raises(UsageError, match="is no reason"):
        Reason(why, "A. Engineer", DAY)


def test_nobody_accepts_nothing() -> None:
    with pytest.raises(UsageError, match="--by"):
        Reason(REASON.why, " ", DAY)
