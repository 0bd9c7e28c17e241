"""In which order a global database is taken apart: detach the secondaries, delete them, the primary last.

RDS refuses every other order: a primary cannot leave while a secondary follows it, a member cannot be deleted
before it left, a cluster not before its instances, a global cluster not before its last member, and nothing
that is protected ("Deleting an Aurora global database", Aurora user guide).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Action = Literal["unprotect", "detach", "delete-instance", "delete-cluster", "delete-global"]


class PlanError(Exception):
    """The description cannot be taken apart as it is; the message has the mend."""


@dataclass(frozen=True)
class Member:
    """A cluster of a global database. Its first instance is the one that writes, where the cluster does."""

    region: str
    cluster: str
    instances: tuple[str, ...]
    writer: bool
    protected: bool = False


@dataclass(frozen=True)
class GlobalDatabase:
    """A global cluster and its members; ``region`` is where its API is asked."""

    identifier: str
    region: str
    members: tuple[Member, ...]
    protected: bool = False


@dataclass(frozen=True)
class Step:
    """One call: what is done to which resource of a region. A deleted cluster leaves ``snapshot``."""

    action: Action
    region: str
    target: str
    snapshot: str = ""

    def __str__(self) -> str:
        left = f", leaving the snapshot {self.snapshot}" if self.snapshot else ""
        return f"{self.action} {self.target} in {self.region}{left}"


def take_apart(
    database: GlobalDatabase, *, unprotect: bool = False, snapshots: str = "final"
) -> tuple[Step, ...]:
    """Every step, in order; ``snapshots`` is appended to a cluster's name for its last one, none when empty.

    Only the primary leaves a snapshot: a secondary holds the same rows, and was cut off at an arbitrary one.

    Raises:
        PlanError: no member writes or several do, or something is protected and ``unprotect`` is not given.
    """
    writers = [member for member in database.members if member.writer]
    if database.members and len(writers) != 1:
        raise PlanError(
            f"{database.identifier} has {len(writers)} writing members: wait for its switchover to end"
        )
    protected = _protected(database)
    if protected and not unprotect:
        names = ", ".join(step.target for step in protected)
        raise PlanError(f"protected from deletion: {names}; turn protection off first (protect: false)")
    secondaries = [member for member in database.members if not member.writer]
    steps = [*protected, *(Step("detach", member.region, member.cluster) for member in secondaries)]
    for member in secondaries:
        steps += _delete(member, "")
    for member in writers:
        steps.append(Step("detach", member.region, member.cluster))
        steps += _delete(member, f"{member.cluster}-{snapshots}" if snapshots else "")
    return (*steps, Step("delete-global", database.region, database.identifier))


def _protected(database: GlobalDatabase) -> list[Step]:
    found = [
        Step("unprotect", member.region, member.cluster) for member in database.members if member.protected
    ]
    if database.protected:
        found.append(Step("unprotect", database.region, database.identifier))
    return found


def _delete(member: Member, snapshot: str) -> list[Step]:
    """Readers before the instance that writes, so that no reader is promoted on the way."""
    instances = [Step("delete-instance", member.region, name) for name in reversed(member.instances)]
    return [*instances, Step("delete-cluster", member.region, member.cluster, snapshot)]


def described(
    region: str, answer: Mapping[str, Any], clusters: Iterable[Mapping[str, Any]]
) -> GlobalDatabase:
    """From an entry of DescribeGlobalClusters and what DescribeDBClusters says of its members.

    Raises:
        PlanError: a member is not among ``clusters``.
    """
    by_arn = {cluster["DBClusterArn"]: cluster for cluster in clusters}
    members = []
    for entry in answer.get("GlobalClusterMembers", []):
        arn = entry["DBClusterArn"]
        if arn not in by_arn:
            raise PlanError(f"{arn} is a member and was not described: ask its region too")
        cluster = by_arn[arn]
        instances = sorted(cluster.get("DBClusterMembers", []), key=lambda i: not i["IsClusterWriter"])
        members.append(
            Member(
                region=arn.split(":")[3],
                cluster=cluster["DBClusterIdentifier"],
                instances=tuple(instance["DBInstanceIdentifier"] for instance in instances),
                writer=bool(entry["IsWriter"]),
                protected=bool(cluster.get("DeletionProtection")),
            )
        )
    return GlobalDatabase(
        answer["GlobalClusterIdentifier"], region, tuple(members), bool(answer.get("DeletionProtection"))
    )
