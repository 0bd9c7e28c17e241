"""What a deployment may not do without somebody's explicit yes, and whether the plan that was read still
holds."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ops.errors import OperationError, UsageError
from ops.plan import fingerprint
from ops.plan.fingerprint import Fingerprint
from ops.plan.report import Plan

#: Says yes to every wider grant; to everything that the given plan names.
ACCESS, PLAN = "access", "plan"


def asked(plan: Plan, chosen: Collection[str]) -> list[str]:
    """What needs a yes in the stacks that are deployed: ``stack/LogicalId`` for state or the network under
    it, ``access`` for wider grants."""
    names = [f"{each.stack}/{each.logical_id}" for each in plan.guarded if each.stack in chosen]
    if any(grant.stack in chosen for grant in plan.widened):
        names.append(ACCESS)
    return names


def check(environment: str, needed: Collection[str], yes: Collection[str], *, planned: bool) -> None:
    """Makes sure that each was said yes to.

    Raises:
        UsageError: a yes to what needs none, or to a plan that was not given.
        OperationError: something lacks its yes.
    """
    if PLAN in yes and not planned:
        raise UsageError("--yes plan says yes to what a plan names; give the plan with --plan FILE")
    if PLAN in yes:
        return
    odd = sorted({*yes} - {*needed, ACCESS})
    if odd:
        raise UsageError(
            f"--yes {odd[0]}: it needs none; `richesreach plan --env {environment}` shows what does"
        )
    lacking = [name for name in needed if name not in yes]
    if lacking:
        options = " ".join(f"--yes {name}" for name in lacking)
        raise OperationError(
            f"needs an explicit yes: {', '.join(lacking)}; read `richesreach plan --env {environment}`,"
            f" then add {options}"
        )


def read_plan(path: Path, environment: str) -> Fingerprint:
    """The fingerprint of a plan that somebody read.

    Raises:
        UsageError: the file is no plan of this environment, or one against a git revision.
    """
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        document = None
    if not isinstance(document, dict) or "environment" not in document:
        raise UsageError(
            f"{path} is no plan; write one with `richesreach plan --format json --output {path}`"
        )
    if document["environment"] != environment:
        raise UsageError(f"{path} is a plan of {document['environment']}, not of {environment}")
    return fingerprint.read(document, str(path))


def check_fresh(path: Path, planned: Fingerprint, now: Fingerprint) -> None:
    """Makes sure that what was read is what happens.

    Raises:
        OperationError: something moved since; the message says what.
    """
    moved = planned.moved(now)
    if moved:
        shown = "; ".join(moved[:5]) + (f"; and {len(moved) - 5} more" if len(moved) > 5 else "")
        raise OperationError(f"{path} is stale: {shown}. Make a new plan, and read it")
