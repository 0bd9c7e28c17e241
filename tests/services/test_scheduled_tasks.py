"""A scheduled task ends with one line that says whether it did what it should."""

import io
import json
from typing import Any

import pytest
from richesreach.core import logs
from richesreach.core.settings import SettingsError
from richesreach.core.startup import run_task


class LakeAwayError(Exception):
    pass


@pytest.fixture
def said() -> io.StringIO:
    stream = io.StringIO()
    logs.configure(service="history", region="eu-west-1", level="INFO", stream=stream)
    return stream


def failing(error: Exception) -> Any:
    def work() -> None:
        raise error

    return work


def line(said: io.StringIO) -> dict[str, Any]:
    (only,) = said.getvalue().splitlines()
    found: dict[str, Any] = json.loads(only)
    return found


def end(error: Exception) -> None:
    with pytest.raises(SystemExit) as ended:
        run_task("compact", failing(error), expected=(LakeAwayError,))
    assert ended.value.code == 1


def test_one_that_does_its_work_says_nothing_of_failure(said: io.StringIO) -> None:
    run_task("compact", lambda: None, expected=())
    assert said.getvalue() == ""


def test_an_expected_failure_is_told_with_its_reason_alone(said: io.StringIO) -> None:
    end(LakeAwayError("S3 does not answer"))
    told = line(said)
    assert (told["event"], told["level"], told["task"]) == ("task_failed", "error", "compact")
    assert told["error"] == "S3 does not answer"
    assert "exception" not in told


def test_another_failure_is_told_with_the_way_to_it(said: io.StringIO) -> None:
    end(KeyError("bars"))
    assert "Traceback" in line(said)["exception"]


def test_wrong_settings_are_told_with_their_problems(said: io.StringIO) -> None:
    end(SettingsError(["S3_BUCKET is missing"]))
    assert line(said)["problems"] == ["S3_BUCKET is missing"]
