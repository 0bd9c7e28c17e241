"""What of a lock a deployment would lose, and how each loss is told."""

from __future__ import annotations

from typing import Any

from ops.plan.assembly import Stack
from ops.stateful_lock.comparison import Finding, Kind, entries, findings, unexplained
from ops.stateful_lock.document import Entry, Lock
from tests.ops.stateful_lock.locks import CLUSTER, KEY, acceptance, lock, stack

KEPT_NO_LONGER = "DeletionPolicy changes from Retain to Delete"
KEPT = {"DeletionPolicy": "Snapshot"}


def cluster(**properties: Any) -> dict[str, Any]:
    own = {"DBClusterIdentifier": "richesreach-prod-eu-west-1", "KmsKeyId": "key"} | properties
    return {"Type": "AWS::RDS::DBCluster", "Properties": own, **KEPT}


def found(before: dict[str, Any], after: dict[str, Any]) -> list[Finding]:
    return findings(entries([stack(before)]), entries([stack(after)]))


def test_what_stays_as_it_is_is_no_finding() -> None:
    assert found({"Cluster": cluster()}, {"Cluster": cluster(BackupRetentionPeriod=7)}) == []


def test_removed_resource_is_named_with_its_physical_name() -> None:
    (finding,) = found({"Cluster": cluster()}, {})
    assert finding.kind is Kind.REMOVED
    assert str(finding).startswith(
        f"{CLUSTER} (AWS::RDS::DBCluster richesreach-prod-eu-west-1) would be removed"
    )


def test_changed_name_is_a_replacement() -> None:
    (finding,) = found({"Cluster": cluster()}, {"Cluster": cluster(DBClusterIdentifier="other")})
    assert finding.kind is Kind.REPLACED
    assert finding.changes == (
        'would be replaced: DBClusterIdentifier changes from "richesreach-prod-eu-west-1" to "other"',
    )


def test_other_create_only_property_is_a_replacement_too() -> None:
    (finding,) = found({"Cluster": cluster()}, {"Cluster": cluster(KmsKeyId="another")})
    assert finding.changes == ('would be replaced: KmsKeyId changes from "key" to "another"',)


def test_another_type_under_the_same_id_is_a_replacement() -> None:
    (finding,) = found({"Cluster": cluster()}, {"Cluster": {"Type": "AWS::S3::Bucket", "Properties": {}}})
    assert finding.kind is Kind.REPLACED
    assert "would become AWS::S3::Bucket" in finding.changes


def test_resource_that_is_kept_otherwise_is_named() -> None:
    (finding,) = found({"Cluster": cluster()}, {"Cluster": cluster() | {"DeletionPolicy": "Delete"}})
    assert finding.kind is Kind.KEPT_NO_LONGER
    assert finding.changes == ("DeletionPolicy changes from Snapshot to Delete",)


def test_stateless_resource_may_go() -> None:
    assert found({"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {}}}, {}) == []


def test_log_group_that_its_stack_keeps_is_locked() -> None:
    kept = {"Type": "AWS::Logs::LogGroup", "Properties": {}, "DeletionPolicy": "Retain"}
    assert [finding.kind for finding in found({"Log": kept}, {})] == [Kind.REMOVED]


def test_new_resource_has_to_be_locked_and_comes_last() -> None:
    gone, new = found({"Cluster": cluster()}, {"Another": cluster()})
    assert (gone.kind, new.kind) == (Kind.REMOVED, Kind.NEW)
    assert "richesreach lock add" in new.mend


def test_every_loss_names_the_command_that_accepts_it() -> None:
    (finding,) = found({"Cluster": cluster()}, {})
    assert f"richesreach lock accept {CLUSTER} --why" in finding.mend


def test_account_of_the_synthesis_is_no_difference() -> None:
    def bucket(account: str) -> Stack:
        named = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": f"lake-{account}"}}
        return stack({"Lake": named}, account=account)

    assert findings(entries([bucket("111111111111")]), entries([bucket("000000000000")])) == []


def changed(entry: Entry) -> Entry:
    return entry.model_copy(update={"deletion": "Delete"})


def test_entry_that_a_branch_changed_by_hand_is_found() -> None:
    base = lock()
    now = lock(**{KEY: changed(base.resources[KEY])})
    assert [(each.id, each.kind) for each in unexplained(base, now)] == [(KEY, Kind.UNEXPLAINED)]


def test_entry_that_a_branch_accepted_is_explained_and_another_is_not() -> None:
    base = lock()
    resources = {name: changed(entry) for name, entry in base.resources.items()}
    now = Lock(resources=resources, history=[acceptance(KEY, KEPT_NO_LONGER)])
    assert [each.id for each in unexplained(base, now)] == [CLUSTER]


def test_acceptance_of_one_change_explains_no_other_of_the_same_resource() -> None:
    base = lock()
    resources = {**base.resources, KEY: changed(base.resources[KEY])}
    now = Lock(resources=resources, history=[acceptance(KEY, "would become AWS::KMS::ReplicaKey")])
    assert [each.id for each in unexplained(base, now)] == [KEY]


def test_two_accepted_steps_explain_where_the_second_ends() -> None:
    base = lock()
    steps = [
        acceptance(KEY, "DeletionPolicy changes from Retain to Snapshot"),
        acceptance(KEY, "DeletionPolicy changes from Snapshot to Delete"),
    ]
    resources = {**base.resources, KEY: changed(base.resources[KEY])}
    assert unexplained(base, Lock(resources=resources, history=steps)) == []
    assert unexplained(base, Lock(resources=resources, history=steps[:1])) != []


def test_acceptance_of_an_earlier_branch_explains_nothing_now() -> None:
    base = Lock(resources=lock().resources, history=[acceptance(KEY)])
    now = base.model_copy(update={"resources": {**base.resources, KEY: changed(base.resources[KEY])}})
    assert [each.id for each in unexplained(base, now)] == [KEY]


def test_acceptance_that_is_taken_out_of_the_history_is_found() -> None:
    base = Lock(resources=lock().resources, history=[acceptance(KEY)])
    (finding,) = unexplained(base, base.model_copy(update={"history": []}))
    assert finding.changes == ("is gone from the lock's history",)


def test_what_a_branch_adds_needs_no_reason() -> None:
    base = lock()
    assert unexplained(base.model_copy(update={"resources": {}}), base) == []
