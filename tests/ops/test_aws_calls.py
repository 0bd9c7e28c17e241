"""Every call of AWS that ``ops/`` and ``lambda/`` make is made by a test, and moto answers where it can."""

from __future__ import annotations

from pathlib import Path

from tests.aws_calls import calls
from tests.aws_calls.source import ROOT, called

RECORD = calls.read()
WRITE = "run `pytest tests/ops tests/lambda_ --record-aws-calls`"


def test_each_call_in_the_code_is_made_by_a_test() -> None:
    made = {(call.source, call.method) for call in RECORD}
    missing = sorted(f"{source}: {method}" for source, method in called() - made)
    assert missing == [], f"no test makes these; write one, then {WRITE}"


def test_record_holds_no_call_that_the_code_no_longer_makes() -> None:
    gone = sorted(f"{c.source}: {c.operation}" for c in RECORD if (c.source, c.method) not in called())
    assert gone == [], WRITE


def test_tests_of_the_record_exist() -> None:
    assert sorted({call.test for call in RECORD if not (ROOT / call.test).is_file()}) == [], WRITE


def test_moto_answers_whatever_a_function_of_aws_calls() -> None:
    """A stub may stand beside it, for what moto's own answer cannot show, or for a call that moto lacks."""
    functions = {(c.source, c.operation) for c in RECORD if c.source.startswith("lambda/")}
    answered = {(c.source, c.operation) for c in RECORD if c.layer == "moto"}
    lacking = {operation for operation, why in calls.STUBBED.items() if why == calls.LACKING}
    assert sorted(call for call in functions - answered if call[1] not in lacking) == []


def test_each_stub_has_its_reason_and_each_reason_a_stub() -> None:
    stubbed = calls.stub_reasons(RECORD)
    assert sorted(operation for operation, reason in stubbed.items() if not reason) == []
    assert sorted(calls.STUBBED.keys() - stubbed.keys()) == []


def test_page_is_made_from_the_record() -> None:
    assert calls.PAGE.read_text(encoding="utf-8") == calls.page(RECORD), WRITE


def test_call_is_found_in_the_syntax_whichever_way_it_is_made() -> None:
    found = called()
    assert ("ops/routing.py", "put_key") in found
    assert ("lambda/erasure/lake.py", "list_object_versions") in found, "by a paginator"
    assert not any(Path(source).is_relative_to("ops/local/types") for source, _ in found)
