"""Watching deployed configuration: what changes is told, what rests still notices."""

import pytest

from ops.local.edge import watch
from ops.local.edge.watch import Watch
from tests.ops.edge.conftest import until


async def test_only_changes_are_told() -> None:
    values = iter([1, 1, 2, 2, 2])
    last = [2]
    told: list[int] = []
    watching = Watch("numbers", lambda: next(values, last[0]), 0.01)
    watching.on_change(told.append)
    watching.start()
    await until(lambda: told == [1, 2], "both values are told")
    watching.stop()


async def test_a_resting_watch_asks_less_and_wakes_by_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "QUIET", 0.0)
    monkeypatch.setattr(watch, "REST", 0.2)
    value = ["old"]
    asked = {"resting": 0, "restless": 0}

    def read(name: str) -> str:
        asked[name] += 1
        return value[0]

    resting = Watch("text", lambda: read("resting"), 0.001)
    restless = Watch("text", lambda: read("restless"), 0.001, rests=False)
    for each in (resting, restless):
        each.start()
    await until(lambda: asked["restless"] > 50, "the restless one goes on")
    assert asked["resting"] < asked["restless"]
    value[0] = "new"
    await until(lambda: (resting.value, restless.value) == ("new", "new"), "both notice")
    for each in (resting, restless):
        each.stop()


async def test_a_source_that_fails_keeps_the_last_value(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes: list[int | Exception] = [7, OSError("away"), OSError("away")]

    def read() -> int:
        outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    watching = Watch("numbers", read, 0.01)
    watching.start()
    await until(lambda: len(outcomes) == 1, "it failed")
    watching.stop()
    assert watching.value == 7
    assert capsys.readouterr().out.count("configuration_unreadable") <= 1
