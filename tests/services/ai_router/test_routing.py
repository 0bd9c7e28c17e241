"""The decision: who is left out and why, and an order that can be argued with."""

from typing import Any

import pytest
from models_for_tests import Clock, asked, model, names, router, tell
from richesreach.ai_router.model import Failure, ProviderError
from richesreach.ai_router.routing.asked import AUTO, Strategy, Weights
from richesreach.ai_router.routing.catalogue import Speed, key_of
from richesreach.ai_router.routing.cooling import Cooling
from richesreach.ai_router.routing.decision import Reason


@pytest.mark.parametrize(
    ("facts", "wanted", "reason"),
    [
        ({"kind": "embedding"}, {"model": "m"}, Reason.WRONG_KIND),
        ({"modalities": frozenset({"text"})}, {"modalities": frozenset({"text", "image"})}, Reason.MODALITY),
        ({"features": frozenset()}, {"features": frozenset({"tools"})}, Reason.FEATURE),
        ({"regions": frozenset({"us", "eu"})}, {"residency": frozenset({"eu"})}, Reason.RESIDENCY),
        ({"regions": frozenset({"global"})}, {"residency": frozenset({"us"})}, Reason.RESIDENCY),
        ({}, {"allowed": frozenset({"other"})}, Reason.NOT_ALLOWED),
        ({"context_tokens": 1_000}, {}, Reason.CONTEXT_TOO_LONG),
        ({}, {"budget": 10}, Reason.OVER_BUDGET),
        ({}, {"deadline": 1_000.5}, Reason.TOO_SLOW),
    ],
)
def test_model_that_lacks_one_thing_is_rejected_for_it(
    facts: dict[str, Any], wanted: dict[str, Any], reason: Reason
) -> None:
    decision = router(model("m", **facts)).decide(asked(**wanted))

    assert not decision.candidates
    assert [one.reason for one in decision.rejected] == [reason]


def test_seed_alone_decides_between_equals() -> None:
    twins = [model(f"twin{number}") for number in range(8)]
    one = router(*twins)

    first = {names(one.decide(asked(seed=seed)))[0] for seed in range(64)}

    assert len(first) > 1
    assert names(one.decide(asked(seed=7))) == names(one.decide(asked(seed=7)))


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [(Strategy.CHEAPEST, "cheap"), (Strategy.FASTEST, "fast"), (Strategy.BEST, "good")],
)
def test_strategy_brings_forward_what_it_is_called_after(strategy: Strategy, expected: str) -> None:
    speeds = {"openai/fast": Speed(0.2, 400), "openai/good": Speed(3, 40), "openai/cheap": Speed(2, 60)}
    some = (
        model("cheap", price=(0.05, 0.2), quality=0.6),
        model("fast", price=(2, 6), quality=0.7),
        model("good", price=(5, 25), quality=0.95),
    )

    assert names(router(*some, speeds=speeds).decide(asked(strategy=strategy)))[0] == expected


def test_weights_of_a_request_count_instead_of_its_strategys() -> None:
    one = router(model("cheap", price=(0.1, 0.1), quality=0.1), model("good", price=(9, 9), quality=0.9))

    decision = one.decide(asked(strategy=Strategy.CHEAPEST, weights=Weights(1, 0, 0, 0)))

    assert names(decision) == ["good", "cheap"]


def test_prompt_that_fits_no_window_is_rejected_with_the_counts() -> None:
    decision = router(model("small", context_tokens=4_000)).decide(asked(5_000))

    assert not decision.candidates
    assert decision.rejected[0].reason is Reason.CONTEXT_TOO_LONG
    assert decision.rejected[0].detail == "it takes 4000 tokens; the prompt has 5000"


def test_window_must_hold_the_answer_that_was_asked_for_too() -> None:
    one = router(model("small", context_tokens=4_000, output_tokens=2_000))

    assert names(one.decide(asked(3_000, tokens_out=900))) == ["small"]
    assert one.decide(asked(3_000, tokens_out=1_500)).rejected[0].reason is Reason.CONTEXT_TOO_LONG


def test_prompt_near_the_window_is_kept_from_a_model_whose_tokens_are_only_estimated() -> None:
    own, other = model("own", context_tokens=1_000), model("other", context_tokens=1_000, tokenizer="claude")

    assert names(router(own, other).decide(asked(900))) == ["own"]


def test_named_model_is_asked_for_at_each_of_its_providers_and_nowhere_else() -> None:
    some = (model("m"), model("m", "bedrock"), model("other"))

    decision = router(*some).decide(asked(model="m"))

    assert {key_of(one.model) for one in decision.candidates} == {"openai/m", "bedrock/m"}


def test_fallbacks_follow_the_named_model_in_their_order_whatever_their_score() -> None:
    some = (model("named", price=(90, 90), quality=0.2), model("second", price=(50, 50)), model("third"))

    decision = router(*some).decide(asked(model="named", fallbacks=("second", "third")))

    assert names(decision) == ["named", "second", "third"]


def test_substitutes_for_a_named_model_are_no_worse_than_a_little() -> None:
    some = (model("named", quality=0.9), model("near", quality=0.85), model("poor", quality=0.3))

    decision = router(*some).decide(asked(model="named", fallbacks=(AUTO,)))

    assert names(decision) == ["named", "near"]


def test_name_that_nothing_has_is_said_to_be_unknown() -> None:
    decision = router(model("m")).decide(asked(model="no-such-model"))

    assert (decision.known, decision.candidates, decision.rejected) == (False, (), ())


def test_model_that_its_provider_lists_is_known_by_name_without_a_prior_of_ours() -> None:
    decision = router(model("m")).decide(asked(model="gpt-4-turbo"))

    assert decision.candidates[0].model.prices.input == 10_000_000


def test_model_that_fails_falls_behind_its_equal() -> None:
    one_model, other = model("a"), model("b")
    one = router(one_model, other)
    before = names(one.decide(asked(seed=1)))
    failing = {"a": one_model, "b": other}[before[0]]

    tell(one, failing, 5, failure=Failure.SERVER_ERROR)

    assert names(one.decide(asked(seed=1))) == before[::-1]


def test_model_with_many_requests_under_way_falls_behind_its_equal() -> None:
    one_model, other = model("a"), model("b")
    one = router(one_model, other)
    for _ in range(40):
        one.estimates.began(one_model)

    assert names(one.decide(asked())) == ["b", "a"]


def test_model_that_needs_longer_than_is_left_is_rejected() -> None:
    clock = Clock()
    slow, quick = model("slow"), model("quick")
    one = router(
        slow, quick, clock=clock, speeds={"openai/slow": Speed(30, 20), "openai/quick": Speed(0.5, 200)}
    )

    decision = one.decide(asked(deadline=clock.now + 10))

    assert names(decision) == ["quick"]
    assert decision.rejected[0].reason is Reason.TOO_SLOW


def test_stream_may_take_longer_than_the_deadline_once_it_has_begun() -> None:
    clock = Clock()
    one = router(model("slow"), clock=clock, speeds={"openai/slow": Speed(1, 20)})

    assert not one.decide(asked(deadline=clock.now + 5)).candidates
    assert names(one.decide(asked(deadline=clock.now + 5, stream=True))) == ["slow"]


def test_model_whose_keys_all_cool_down_is_rejected_until_one_may_be_used() -> None:
    clock = Clock()
    one_model = model("m")
    cooling = Cooling(clock=clock)
    one = router(one_model, clock=clock, cooling=cooling, keys=lambda _provider: ("a", "b"))
    limited = ProviderError(Failure.RATE_LIMITED, "openai", "slow down", retry_after=20)

    cooling.failed(one_model, "a", limited)
    assert names(one.decide(asked())) == ["m"]
    cooling.failed(one_model, "b", limited)
    assert [(x.reason, x.until) for x in one.decide(asked()).rejected] == [(Reason.COOLING, clock.now + 20)]
    clock.pass_by(20)
    assert names(one.decide(asked())) == ["m"]


def test_what_is_held_of_a_model_after_feedback_counts_in_its_task_alone() -> None:
    one_model = model("m", quality=0.5)
    one = router(one_model)
    one.estimates.hold(one_model, "code", 0.6)

    assert one.decide(asked(task="code")).candidates[0].quality == 0.6
    assert one.decide(asked(task="chat")).candidates[0].quality == 0.5


def test_model_of_a_provider_without_a_key_is_disabled_and_says_so() -> None:
    one = router(model("m"))
    one.catalogue.providers = frozenset()

    assert one.decide(asked()).rejected[0].reason is Reason.DISABLED


def test_answer_without_a_limit_is_bounded_where_it_is_paid_from_a_budget() -> None:
    one = router(model("m", price=(0, 1), output_tokens=128_000, context_tokens=1_000_000))

    chosen = one.decide(asked(budget=1_000_000)).candidates[0]

    assert (chosen.tokens_out, chosen.most) == (16_384, 16_384)


def test_each_of_several_choices_is_paid_for() -> None:
    one = router(model("m", price=(1, 2)))
    single, triple = (one.decide(asked(tokens_out=100, choices=choices)).candidates[0] for choices in (1, 3))

    assert triple.most - single.most == 2 * 100 * 2


def test_substitutes_of_a_named_model_come_after_it_when_somebody_asks_for_them() -> None:
    some = (model("named", quality=0.8), model("worse", quality=0.75), model("better", quality=0.9))
    one = router(*some)
    outlook = one.outlook(asked(model="named", fallbacks=(AUTO,)))
    assert [candidate.model.name for candidate in outlook.first] == ["named"]
    assert outlook.has_substitutes()
    assert [candidate.model.name for candidate in outlook.substitutes()] == ["better", "worse"]
    assert outlook.decision == one.decide(asked(model="named", fallbacks=(AUTO,)))


def test_a_model_whose_substitutes_are_all_unfit_has_none() -> None:
    one = router(model("named"), model("small", context_tokens=500), model("weak", quality=0.2))
    outlook = one.outlook(asked(model="named", fallbacks=(AUTO,)))
    assert not outlook.has_substitutes()
    assert outlook.substitutes() == ()


def test_without_a_name_nobody_is_a_substitute() -> None:
    outlook = router(model("a"), model("b")).outlook(asked())
    assert len(outlook.first) == 2
    assert not outlook.has_substitutes()
