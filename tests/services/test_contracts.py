"""The gRPC contracts: what is committed is current, and a change that breaks a neighbour is named."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gateway_task import SERVICES

TOOL = SERVICES / "proto" / "contracts.py"
_spec = importlib.util.spec_from_file_location("contracts", TOOL)
assert _spec is not None
assert _spec.loader is not None
contracts = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(contracts)

Change = Callable[[str, str], list[str]]


@pytest.fixture
def change(tmp_path: Path) -> Change:
    """What breaks when `before` is `after` in the market's contract."""
    sources = tmp_path / "richesreach"
    shutil.copytree(contracts.SOURCES, sources)
    file = sources / "market" / "v1" / "market.proto"

    def broken(before: str, after: str) -> list[str]:
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after, 1))
        found: list[str] = contracts.problems(sources, contracts.SURFACE)[0]
        return found

    return broken


def test_what_is_committed_is_what_the_contracts_make() -> None:
    assert contracts.problems() == ([], [])


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("  string venue = 4;\n", "", "field richesreach.market.v1.Price.venue = 4 string"),
        ("string venue = 4;", "string venue = 5;", "field richesreach.market.v1.Price.venue = 4 string"),
        ("string venue = 4;", "bytes venue = 4;", "field richesreach.market.v1.Price.venue = 4 string"),
        ("string venue = 4;", "string exchange = 4;", "field richesreach.market.v1.Price.venue = 4 string"),
        (
            "string venue = 4;",
            "repeated string venue = 4;",
            "field richesreach.market.v1.Price.venue = 4 string",
        ),
        (
            "rpc Candles(CandlesRequest) returns (CandlesResponse)",
            "rpc Candles(CandlesRequest) returns (stream CandlesResponse)",
            "method richesreach.market.v1.Market.Candles"
            " .richesreach.market.v1.CandlesRequest -> .richesreach.market.v1.CandlesResponse",
        ),
    ],
    ids=["removed", "renumbered", "another type", "renamed", "repeated", "streams"],
)
def test_a_change_that_breaks_a_neighbour_is_named(
    change: Change, before: str, after: str, line: str
) -> None:
    assert change(before, after) == [f"breaks those who rely on it: {line}"]


def test_a_method_that_is_gone_breaks_its_callers(change: Change) -> None:
    (found,) = change("  rpc Candles(CandlesRequest) returns (CandlesResponse);\n", "")
    assert "method richesreach.market.v1.Market.Candles" in found


def test_what_is_added_breaks_nobody_and_is_asked_for(change: Change, tmp_path: Path) -> None:
    assert change("string venue = 4;", "string venue = 4;\n  string currency = 5;") == []
    _, stale = contracts.problems(tmp_path / "richesreach", contracts.SURFACE)
    assert any("Price.currency = 5 string" in line for line in stale)


def test_the_command_changes_nothing_that_is_current() -> None:
    before = {path: path.stat().st_mtime_ns for path in contracts.GENERATED.rglob("*.py*")}
    done = subprocess.run([sys.executable, TOOL, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert before == {path: path.stat().st_mtime_ns for path in contracts.GENERATED.rglob("*.py*")}
