"""A lock of two resources, and stacks to compare it with."""

from __future__ import annotations

import datetime
from typing import Any

from ops.plan.assembly import Stack
from ops.stateful_lock.document import Acceptance, Entry, Lock

STACK = "richesreach-prod-eu-west-1-global-db"
CLUSTER = f"{STACK}/Cluster"
KEY = f"{STACK}/Key"
DAY = datetime.date(2026, 5, 3)


def stack(resources: dict[str, Any], account: str = "111111111111") -> Stack:
    return Stack(STACK, "eu-west-1", account, {"Resources": resources})


def lock(**changed: Entry) -> Lock:
    resources = {
        CLUSTER: Entry(type="AWS::RDS::DBCluster", deletion="Snapshot", fixed={"DBClusterIdentifier": "db"}),
        KEY: Entry(type="AWS::KMS::Key", deletion="Retain"),
    }
    return Lock(resources=resources | changed)


def acceptance(name: str, *change: str) -> Acceptance:
    return Acceptance(
        id=name,
        change=list(change or ["would be removed, or is kept no longer"]),
        why="moved to another key",
        date=DAY,
        by="A. Engineer",
    )
