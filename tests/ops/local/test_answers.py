"""What reconcilers at rest are told again, and what they ask anew."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ops.local import loops
from ops.local.board import Board
from ops.local.reconcilers.answers import Answers
from ops.local.reconcilers.report import Report
from tests.ops.local.conftest import eventually


class FakeApi:
    """Answers with how often it was asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def describe_clusters(self, **of: Any) -> int:
        return self._count(f"describe {of}")

    def get_secret_value(self, **of: Any) -> int:
        return self._count(f"secret {of}")

    def register_targets(self, **of: Any) -> int:
        return self._count(f"register {of}")

    def get_paginator(self, name: str) -> "FakeApi":
        assert name == "list_topics"
        return self

    def paginate(self, **of: Any) -> Iterable[int]:
        yield self._count(f"page {of}")
        yield 0

    def _count(self, what: str) -> int:
        self.asked[what] += 1
        return self.asked[what]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def answers(clock: Clock) -> Answers:
    apis = {region: FakeApi() for region in ("us-east-1", "eu-west-1")}
    return Answers(lambda _, region: apis[region], lasting=3.0, clock=clock)


def test_a_reconciler_that_works_asks_each_time(answers: Answers) -> None:
    api = answers("kafka", "us-east-1")
    assert [api.describe_clusters(Names=["a"]) for _ in range(3)] == [1, 2, 3]


def test_at_rest_the_same_question_is_asked_every_three_seconds(answers: Answers, clock: Clock) -> None:
    answers.resting = True
    asked = []
    for clock.now in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0):
        asked.append(answers("kafka", "us-east-1").describe_clusters(Names=["a"]))
    assert asked == [1, 1, 1, 1, 2, 2]


def test_other_words_another_region_and_another_service_are_other_questions(answers: Answers) -> None:
    answers.resting = True
    api = answers("kafka", "us-east-1")
    assert api.describe_clusters(Names=["a"]) == 1
    assert api.describe_clusters(Names=["b"]) == 1
    assert answers("kafka", "eu-west-1").describe_clusters(Names=["a"]) == 1
    assert answers("ecs", "us-east-1").describe_clusters(Names=["a"]) == 2


def test_all_pages_are_one_answer(answers: Answers) -> None:
    answers.resting = True
    pages = answers("kafka", "us-east-1").get_paginator("list_topics")
    assert [list(pages.paginate(ClusterArn="x")) for _ in range(2)] == [[1, 0], [1, 0]]


def test_what_the_reconciler_changes_it_sees_at_once(answers: Answers) -> None:
    answers.resting = True
    api = answers("elbv2", "us-east-1")
    api.describe_clusters()
    api.register_targets()
    assert api.describe_clusters() == 2


def test_a_secret_is_never_kept(answers: Answers) -> None:
    answers.resting = True
    api = answers("secretsmanager", "us-east-1")
    api.describe_clusters()
    assert [api.get_secret_value(SecretId="s") for _ in range(2)] == [1, 2]
    assert api.describe_clusters() == 1


def test_the_end_of_the_rest_is_the_end_of_what_was_kept(answers: Answers) -> None:
    api = answers("kafka", "us-east-1")
    answers.resting = True
    api.describe_clusters()
    answers.resting = False
    api.describe_clusters()
    answers.resting = True
    assert api.describe_clusters() == 3


def test_a_pass_that_fails_ends_the_rest(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "PERIOD", 0.001)
    monkeypatch.setattr(loops, "QUIET_PERIOD", 0.001)
    answers = Answers(lambda *_: FakeApi(), clock=clock)
    rested: list[bool] = []

    class Failing:
        name = "failing"

        def reconcile(self) -> Report:
            rested.append(answers.resting)
            if len(rested) > loops.QUIET_PASSES + 5:
                raise RuntimeError
            return Report()

        def stop(self) -> None:
            pass

    loop = loops.Loop(Failing(), Board(tmp_path / "state.json", "http://127.0.0.1:1"), answers)
    loop.start()
    eventually(lambda: len(rested) > loops.QUIET_PASSES + 10)
    loop.cancel()
    loop.join(30)
    assert rested[loops.QUIET_PASSES + 2] is True
    assert rested[-1] is False
