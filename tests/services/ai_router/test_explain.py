"""Explanations add up, and regret compares what happened with what could have."""

import json
from typing import Any

import pytest
from models_for_tests import asked, attempt, model, router, tell
from richesreach.ai_router.model import Failure, Usage
from richesreach.ai_router.routing.catalogue import Speed
from richesreach.ai_router.routing.explain import explain, explain_outcome

CHOSEN, OTHER = model("chosen", quality=0.9), model("other", quality=0.8)


def explained(*attempts: Any, seconds: float = 1.0, speed: Speed | None = None) -> dict[str, Any]:
    one = router(
        CHOSEN, OTHER, speeds=dict.fromkeys(["openai/chosen", "openai/other"], speed or Speed(1, 100))
    )
    decision = one.decide(asked(seed=3))
    return explain_outcome(decision, attempts, seconds, one.estimates, one.policy)


def test_parts_add_up_to_the_score_and_all_of_it_is_json() -> None:
    one = router(CHOSEN, OTHER, model("small", context_tokens=10))
    tell(one, OTHER, 3, failure=Failure.SERVER_ERROR)

    found = json.loads(json.dumps(explain(one.decide(asked()), one.policy)))

    assert [candidate["model"] for candidate in found["candidates"]] == ["chosen", "other"]
    for candidate in found["candidates"]:
        assert sum(candidate["parts"].values()) == pytest.approx(candidate["score"], abs=1e-5)
    assert found["rejected"][0]["reason"] == "context_too_long"


def test_choice_that_went_as_expected_has_no_regret() -> None:
    found = explained(attempt(CHOSEN, 1.0, usage=Usage(1_000, 100)), seconds=1.0)

    assert found["regret"]["value"] == 0
    assert found["regret"]["best_alternative"]["model"] == "other"


def test_choice_that_took_far_too_long_is_regretted_against_the_other() -> None:
    found = explained(attempt(CHOSEN, 300.0, usage=Usage(1_000, 100)), seconds=300.0)

    assert found["regret"]["value"] > 0
    assert found["regret"]["best_alternative"]["seconds"] == pytest.approx(2.0)


def test_alternative_is_priced_by_the_length_of_the_answer_that_came() -> None:
    found = explained(attempt(CHOSEN, 1.0, usage=Usage(1_000, 5_000)))

    assert found["regret"]["best_alternative"]["microdollars"] == 1_000 + 2 * 5_000


def test_model_that_was_tried_is_no_alternative() -> None:
    found = explained(attempt(CHOSEN, 1.0, Failure.OVERLOADED), attempt(OTHER, 1.0))

    assert found["regret"]["best_alternative"] is None
    assert [one["failure"] for one in found["attempts"]] == ["overloaded", None]


def test_request_without_an_answer_is_regretted() -> None:
    found = explained(attempt(CHOSEN, 9.0, Failure.TIMEOUT), seconds=9.0)

    assert found["regret"]["score"] < 0 < found["regret"]["value"]
