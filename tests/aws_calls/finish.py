"""What becomes of the recorded calls when the tests are over."""

from __future__ import annotations

import sys

import pytest

from tests.aws_calls import calls
from tests.aws_calls.recorder import Call
from tests.aws_calls.source import ROOT

#: The folders whose tests make every call of the record.
FOLDERS = ("tests/lambda_", "tests/ops")


def finish(session: pytest.Session, seen: set[Call]) -> None:
    """Writes the record where that is asked for; else a whole run has to have made every call in it."""
    if session.config.option.collectonly:
        return
    ran = frozenset(item.nodeid.partition("::")[0] for item in session.items)
    if session.config.getoption("record_aws_calls"):
        calls.write(calls.merged(calls.read(), seen, ran))
    elif session.testsfailed == 0 and not session.config.option.keyword and _whole(ran):
        missing = unmade(seen)
        for line in missing:
            sys.stderr.write(f"{line}: in tests/aws_calls/calls.json, but no test made it\n")
        if missing:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def unmade(seen: set[Call]) -> list[str]:
    """Calls of the record that no test made, whoever should have answered."""
    made = {(call.source, call.operation) for call in seen}
    return sorted({f"{c.source}: {c.operation}" for c in calls.read() if (c.source, c.operation) not in made})


def _whole(ran: frozenset[str]) -> bool:
    """Whether every test file of the folders ran."""
    files = {
        path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("test_*.py")
    }
    return files <= ran
