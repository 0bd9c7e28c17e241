"""Percentiles, ratios and intervals of the bench, and what it says where it cannot measure."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from stacks.yaml_file import ROOT
from tests.bench.measure import BenchError, Ratio, Side, Summary, alternate
from tests.bench.report import Row, table

MACHINE = {"cores": 2, "architecture": "x86_64", "python": "3.11.0", "load_average": 0.1}


def row(ours: list[float], theirs: list[float]) -> Row:
    return Row(
        name="an operation",
        unit="s",
        ours=Summary.of(ours),
        rival="a rival 1.0",
        theirs=Summary.of(theirs),
        ratio=Ratio.of(ours, theirs),
        target=1.25,
        rounds=len(ours),
    )


def test_percentiles_are_interpolated() -> None:
    assert Summary.of([float(value) for value in range(11)]) == Summary(5.0, 1.0, 9.0)


def test_ratio_is_of_pairs_and_not_of_medians() -> None:
    # The machine was ten times slower in the middle of it, for both.
    assert Ratio.of([2.0, 20.0, 2.0], [1.0, 10.0, 1.0]) == Ratio(2.0, 2.0, 2.0)


def test_interval_widens_with_the_spread_of_the_pairs() -> None:
    ratio = Ratio.of([1.0, 2.0, 3.0, 4.0, 5.0], [1.0] * 5)
    assert ratio.low < ratio.median < ratio.high


@pytest.mark.parametrize(("ours", "verdict"), [(1.2, "met"), (1.3, "missed")])
def test_table_says_whether_the_target_is_met(ours: float, verdict: str) -> None:
    assert f"| {verdict} (≤ 1.25x) |" in table([row([ours], [1.0])], MACHINE)


def test_sides_take_turns_in_going_first(tmp_path: Path) -> None:
    log = tmp_path / "log"
    sides = [
        Side(name, ["sh", "-c", f"echo {name} >> {log}"], tmp_path, dict(os.environ)) for name in ("a", "b")
    ]
    runs = alternate(sides, 2, lambda line: None)
    assert [len(side) for side in runs] == [2, 2]
    assert log.read_text().split() == ["a", "b", "a", "b", "b", "a"]


def test_side_that_fails_says_what_it_said(tmp_path: Path) -> None:
    side = Side("the rival", ["sh", "-c", "echo no such file >&2; exit 3"], tmp_path, dict(os.environ))
    with pytest.raises(BenchError, match=r"the rival failed:\nno such file"):
        side.run()


def test_unknown_row_is_refused_with_the_known_ones() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "sinth"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "there is no row 'sinth'; choose from synth-areas, synth-prod" in done.stderr


def test_ratio_to_the_rival_with_an_option_of_node_is_said_beside_the_row() -> None:
    tuned = replace(row([1.0], [1.0]), details={"ratio_to_--option": asdict(Ratio(1.3, 1.2, 1.4))})
    said = "To the rival with Node's --option (an operation): 1.30x (1.20 to 1.40)."
    assert said in table([tuned], MACHINE)


@pytest.mark.parametrize(("measured", "verdict"), [(9.5, "met (≤ 10 s)"), (10.5, "missed (≤ 10 s)")])
def test_a_row_without_a_rival_is_judged_by_its_own_bound(measured: float, verdict: str) -> None:
    alone = replace(row([measured], [1.0]), rival=None, theirs=None, ratio=None, target=None, most=10.0)
    assert alone.verdict == verdict


@pytest.mark.parametrize(("measured", "verdict"), [(9.5, "missed (≥ 10 s)"), (10.5, "met (≥ 10 s)")])
def test_a_rate_is_judged_by_the_least_that_it_must_be(measured: float, verdict: str) -> None:
    assert replace(row([measured], [1.0]), least=10.0).verdict == verdict
