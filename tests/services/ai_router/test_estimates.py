"""What is measured of models decays, never leaves its bounds, and starts from priors."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models_for_tests import Clock, attempt, model
from richesreach.ai_router.model import Failure, Usage
from richesreach.ai_router.routing.catalogue import Speed
from richesreach.ai_router.routing.estimates import HALF_LIFE, Estimates

M = model()
ATTEMPTS = st.builds(
    attempt,
    st.just(M),
    st.floats(0, 600),
    st.none() | st.sampled_from(Failure),
    first_token=st.none() | st.floats(0, 600),
    usage=st.builds(Usage, st.integers(0, 10**6), st.integers(0, 10**5)),
)


def estimates(clock: Clock) -> Estimates:
    return Estimates("eu-west-1", speed=lambda _model: Speed(2.0, 50.0), failure=0.02, clock=clock)


def test_model_that_was_never_asked_has_its_priors() -> None:
    seen = estimates(Clock()).view(M)

    assert (seen.failure, seen.load, seen.seen) == (pytest.approx(0.02), 0, 0)
    assert (seen.first_token, seen.pace) == (pytest.approx(2.0), pytest.approx(50.0))


@given(st.lists(st.tuples(ATTEMPTS, st.floats(0, 100)), max_size=30))
def test_estimates_stay_within_their_bounds_whatever_happens(history: list[tuple]) -> None:  # type: ignore[type-arg]
    clock = Clock()
    measured = estimates(clock)
    for happened, pause in history:
        clock.pass_by(pause)
        measured.began(M)
        measured.ended(M, happened)

    seen = measured.view(M)
    assert 0 < seen.failure < 1
    assert 0 < seen.first_token <= 600
    assert 1 <= seen.pace <= 20_000
    assert seen.load == 0


@given(st.lists(ATTEMPTS, min_size=1, max_size=20), st.floats(1, 1_000), st.floats(1, 1_000))
def test_estimates_come_closer_to_the_priors_as_time_passes(
    history: list,
    first: float,
    then: float,  # type: ignore[type-arg]
) -> None:
    clock = Clock()
    measured = estimates(clock)
    for happened in history:
        measured.ended(M, happened)

    clock.pass_by(first)
    before = measured.view(M)
    clock.pass_by(then)
    after = measured.view(M)

    assert abs(after.failure - 0.02) <= abs(before.failure - 0.02) + 1e-9
    assert abs(math.log(after.first_token / 2.0)) <= abs(math.log(before.first_token / 2.0)) + 1e-9


def test_half_of_what_was_seen_is_gone_after_the_half_life() -> None:
    clock = Clock()
    measured = estimates(clock)
    for _ in range(10):
        measured.ended(M, attempt(M))

    clock.pass_by(HALF_LIFE)

    assert measured.view(M).seen == pytest.approx(5.0)


def test_failures_of_a_key_or_a_request_say_nothing_of_the_model() -> None:
    measured = estimates(Clock())
    for failure in (Failure.RATE_LIMITED, Failure.OUT_OF_CREDIT, Failure.INVALID_REQUEST):
        measured.ended(M, attempt(M, failure=failure))

    assert measured.view(M).seen == 0


def test_time_out_counts_as_a_wait_of_its_length() -> None:
    measured = estimates(Clock())
    for _ in range(50):
        measured.ended(M, attempt(M, 40.0, Failure.TIMEOUT))

    assert measured.view(M).first_token > 20


def test_attempt_that_was_given_up_says_nothing_but_is_no_longer_under_way() -> None:
    measured = estimates(Clock())
    measured.began(M)
    assert measured.view(M).load == 1

    measured.ended(M, None)

    assert (measured.view(M).load, measured.view(M).seen) == (0, 0)


def test_stream_teaches_the_wait_and_the_pace_apart() -> None:
    measured = estimates(Clock())
    for _ in range(100):
        measured.ended(M, attempt(M, 3.0, first_token=1.0, usage=Usage(10, 400)))

    assert measured.view(M).first_token == pytest.approx(1.0, rel=0.1)
    assert measured.view(M).pace == pytest.approx(200, rel=0.1)
