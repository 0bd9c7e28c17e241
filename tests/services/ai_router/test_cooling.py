"""Keys and models that failed are left alone, then asked once, then trusted again."""

import random

import pytest
from models_for_tests import Clock, model
from richesreach.ai_router.model import Failure, ProviderError
from richesreach.ai_router.routing.cooling import Cooling

M, OTHER = model("m"), model("other")


def error(failure: Failure, retry_after: float | None = None) -> ProviderError:
    return ProviderError(failure, "openai", "no", retry_after=retry_after)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cooling(clock: Clock) -> Cooling:
    return Cooling(clock=clock, rng=random.Random(1))  # noqa: S311 (spreads pauses)


def test_rate_limit_stops_the_key_for_that_model_alone(cooling: Cooling, clock: Clock) -> None:
    cooling.failed(M, "a", error(Failure.RATE_LIMITED, 7))

    assert cooling.out(M, ("a", "b")) == {"a"}
    assert cooling.out(OTHER, ("a", "b")) == set()
    clock.pass_by(7)
    assert cooling.out(M, ("a", "b")) == set()


@pytest.mark.parametrize("failure", [Failure.OUT_OF_CREDIT, Failure.UNAUTHENTICATED])
def test_key_without_credit_or_rights_stops_for_every_model(cooling: Cooling, failure: Failure) -> None:
    cooling.failed(M, "a", error(failure))

    assert cooling.out(OTHER, ("a", "b")) == {"a"}


def test_report_says_why_a_gate_is_open_and_for_how_long(cooling: Cooling, clock: Clock) -> None:
    cooling.failed(M, "a", error(Failure.OUT_OF_CREDIT, 30))
    clock.pass_by(10)

    (gate,) = cooling.report()

    assert (gate.scope, gate.state, gate.reason, gate.seconds) == (
        "openai:a",
        "open",
        Failure.OUT_OF_CREDIT,
        20,
    )


def test_model_stops_when_most_of_its_last_attempts_failed(cooling: Cooling) -> None:
    for _ in range(3):
        cooling.failed(M, "a", error(Failure.SERVER_ERROR))
    assert cooling.until(M, ("a",)) is None

    cooling.failed(M, "b", error(Failure.SERVER_ERROR))

    assert cooling.until(M, ("a",)) is not None
    assert cooling.until(OTHER, ("a",)) is None


def test_model_that_mostly_answers_does_not_stop(cooling: Cooling) -> None:
    for _ in range(20):
        cooling.failed(M, "a", error(Failure.OVERLOADED))
        cooling.answered(M, "a")
        cooling.answered(M, "a")

    assert cooling.idle


def test_half_open_gate_lets_one_request_through(cooling: Cooling, clock: Clock) -> None:
    cooling.failed(M, "a", error(Failure.RATE_LIMITED, 5))
    clock.pass_by(5)
    assert cooling.out(M, ("a",)) == set()

    cooling.asking(M, "a")

    assert cooling.out(M, ("a",)) == {"a"}
    cooling.answered(M, "a")
    assert cooling.idle


def test_failed_probe_doubles_the_pause(cooling: Cooling, clock: Clock) -> None:
    cooling.failed(M, "a", error(Failure.RATE_LIMITED))
    first = cooling.report()[0].seconds
    clock.pass_by(first)
    cooling.asking(M, "a")

    cooling.failed(M, "a", error(Failure.RATE_LIMITED))

    assert cooling.report()[0].seconds > first * 1.5


def test_requests_that_fail_together_open_the_gate_once(cooling: Cooling) -> None:
    for _ in range(30):
        cooling.failed(M, "a", error(Failure.RATE_LIMITED))

    assert cooling.report()[0].seconds <= 1.25


def test_probe_that_was_given_up_lets_the_next_one_through(cooling: Cooling, clock: Clock) -> None:
    cooling.failed(M, "a", error(Failure.RATE_LIMITED, 5))
    clock.pass_by(5)
    cooling.asking(M, "a")

    cooling.given_up(M, "a")

    assert cooling.out(M, ("a",)) == set()


def test_providers_word_is_believed_only_so_far(cooling: Cooling) -> None:
    cooling.failed(M, "a", error(Failure.RATE_LIMITED, 10**9))

    assert cooling.report()[0].seconds == 600


def test_requests_own_fault_stops_nothing(cooling: Cooling) -> None:
    for _ in range(20):
        cooling.failed(M, "a", error(Failure.INVALID_REQUEST))

    assert cooling.idle
