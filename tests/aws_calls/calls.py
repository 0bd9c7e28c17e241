"""The committed record: which test makes each call of ``ops/`` and ``lambda/``, and who answers it there.

``pytest tests/ops tests/lambda_ --record-aws-calls`` writes it anew, or the part that the given tests make.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable

from tests.aws_calls.recorder import Call, Layer
from tests.aws_calls.source import ROOT, called

FILE = ROOT / "tests" / "aws_calls" / "calls.json"
PAGE = ROOT / "docs" / "aws-calls.md"
LAYERS: tuple[Layer, ...] = ("moto", "local AWS", "stub")

_NO_EDGE = "no server has copies of a function at the edge, by which its deletion fails"
_NO_WAIT = "moto's snapshots are available at once: none fails and none takes long"
_NO_LOCK = "moto says nothing of a version that S3 keeps because it is locked"

#: Of a call that moto does not know at all.
LACKING = "moto lacks the call"

#: What moto lacks of each operation that a Stubber answers.
STUBBED = {
    "cloudformation.delete_stack": _NO_EDGE,
    "cloudformation.describe_stack_events": _NO_EDGE,
    "cloudformation.list_stack_resources": _NO_EDGE,
    "cloudformation.describe_stacks": _NO_EDGE,
    "cloudformation.update_termination_protection": _NO_EDGE,
    "ecs.describe_tasks": "moto's tasks all end with 0: no exit code, reason of a container or missing task",
    "ecs.run_task": "moto starts every task of Fargate: no failures",
    "kafka.get_bootstrap_brokers": LACKING,
    "kinesisanalyticsv2.describe_application": "moto's applications are STARTING for ever",
    "kinesisanalyticsv2.list_application_snapshots": LACKING,
    "kinesisanalyticsv2.start_application": LACKING,
    "kinesisanalyticsv2.stop_application": LACKING,
    "rds.create_db_cluster_snapshot": _NO_WAIT,
    "rds.describe_db_cluster_snapshots": _NO_WAIT,
    "rds.describe_db_clusters": _NO_WAIT,
    "rds.describe_global_clusters": _NO_WAIT,
    "s3.delete_objects": _NO_LOCK,
    "s3.list_object_versions": _NO_LOCK,
}

_INTRODUCTION = """\
# Calls of AWS and who answers them in the tests

Written by `pytest tests/ops tests/lambda_ --record-aws-calls`; the tests fail when `ops/` or `lambda/` makes
a call that is not listed, and when a whole run does not make one that is.

- **moto**: the call goes through botocore to moto's model of the service, in the test's process.
- **local AWS**: over HTTP to the local AWS that `make up` runs too ([local platform](local-platform.md)).
- **stub**: botocore's Stubber answers, which checks request and answer against the API's model and knows
  nothing of the service. Only where moto lacks what the test is about: see the end of the page.

| call | made by | answered by | test |
| --- | --- | --- | --- |
"""


def read() -> frozenset[Call]:
    """The committed record."""
    lines: list[list[str]] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else []
    return frozenset(Call(source, operation, layer, test) for source, operation, layer, test in lines)  # type: ignore[arg-type]


def merged(before: Iterable[Call], seen: Iterable[Call], ran: frozenset[str]) -> frozenset[Call]:
    """The record after the test files ``ran``: one test for each call and layer, no call that is gone."""
    present = called()
    kept = [call for call in before if call.test not in ran and (ROOT / call.test).exists()]
    chosen: dict[tuple[str, str, str], Call] = {}
    for call in [*sorted(kept), *sorted(seen)]:
        if (call.source, call.method) in present:
            chosen.setdefault((call.source, call.operation, call.layer), call)
    return frozenset(chosen.values())


def write(calls: Iterable[Call]) -> None:
    """The record, a line a call, and the page made from it."""
    lines = ",\n".join(json.dumps(call) for call in sorted(calls))
    FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    PAGE.write_text(page(calls), encoding="utf-8")


def page(calls: Iterable[Call]) -> str:
    """docs/aws-calls.md."""
    rows: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in calls:
        rows[call.operation, call.source].append(call)
    table = [
        f"| `{operation}` | `{source}` | {_layers(found)} | {_tests(found)} |"
        for (operation, source), found in sorted(rows.items())
    ]
    reasons = [f"| `{operation}` | {reason} |" for operation, reason in sorted(stub_reasons(calls).items())]
    stubs = ["", "## Stubs", "", "| call | what moto lacks |", "| --- | --- |", *reasons]
    return _INTRODUCTION + "\n".join([*table, *stubs]) + "\n"


def stub_reasons(calls: Iterable[Call]) -> dict[str, str]:
    """Why each stubbed operation is; empty where nobody said so."""
    return {call.operation: STUBBED.get(call.operation, "") for call in calls if call.layer == "stub"}


def _layers(calls: Iterable[Call]) -> str:
    present = {call.layer for call in calls}
    return ", ".join(layer for layer in LAYERS if layer in present)


def _tests(calls: Iterable[Call]) -> str:
    return ", ".join(f"`{test}`" for test in sorted({call.test for call in calls}))
