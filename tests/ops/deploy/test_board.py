"""What somebody who waits sees, on a terminal and in a log."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ops.deploy.board import Board, clock
from ops.deploy.expected import Expected
from ops.deploy.graph import Graph
from ops.deploy.one_stack import Kind, Outcome
from ops.deploy.waves import Wave
from ops.plan.assembly import Stack

HOME = "us-east-1"
NAME = f"richesreach-prod-{HOME}-ecs"
WAVE = Wave(HOME, (NAME,), (NAME,))
KINDS = {NAME: Kind.UPDATE}
EXPECTED = Expected(Graph({NAME: Stack(NAME, HOME, "1", {"Resources": {}})}), {(NAME, "update"): 125.0})


def board(*, terminal: bool) -> tuple[Board, io.StringIO]:
    written = io.StringIO()
    return Board(Console(file=written, force_terminal=terminal, width=120), EXPECTED), written


def test_log_has_a_line_for_each_thing_that_happens() -> None:
    made, written = board(terminal=False)
    with made.wave(2, 3, WAVE, KINDS):
        made.began(NAME, Kind.UPDATE)
        made.ended(Outcome(NAME, 61.0))
    assert written.getvalue().splitlines() == [
        "wave 2 of 3: us-east-1, 1 stacks",
        f"  {NAME}: update, expected 2:05 min",
        f"  {NAME}: 1:01 min",
    ]


@pytest.mark.parametrize(("reason", "state"), [("", "done"), ("no", "failed")])
def test_terminal_shows_elapsed_beside_expected(reason: str, state: str) -> None:
    made, written = board(terminal=True)
    with made.wave(1, 1, WAVE, KINDS):
        made.began(NAME, Kind.UPDATE)
        made.ended(Outcome(NAME, 61.0, reason))
    for part in (NAME, state, "1:01 min", "2:05 min"):
        assert part in written.getvalue()


def test_way_ahead_says_how_long_and_what_it_goes_by() -> None:
    made, written = board(terminal=False)
    made.waves([WAVE], KINDS, 4, 60)
    assert "1 waves, about 3:05 min with 1:00 min of bake after each\n" in written.getvalue()
    made.waves([WAVE], {NAME: Kind.CREATE}, 4, 60)
    assert "ecs (new)" in written.getvalue()
    assert "1 stacks without a recorded run go by planning figures" in written.getvalue()


@pytest.mark.parametrize(("seconds", "shown"), [(0.4, "0 s"), (59.6, "1:00 min"), (3725, "1:02:05 h")])
def test_time_is_written_as_people_say_it(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
