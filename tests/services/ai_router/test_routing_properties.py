"""What holds of every decision, for any models and any request."""

import dataclasses
import math
import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from models_for_tests import CALLER, model, names, router
from richesreach.ai_router.model import Model
from richesreach.ai_router.routing.asked import Asked, Size, Strategy
from richesreach.ai_router.routing.catalogue import key_of
from richesreach.ai_router.routing.score import score

PRICES = st.tuples(st.floats(0.01, 50), st.floats(0.01, 200))
ALL = frozenset({"tools", "json_object", "json_schema", "reasoning"})
FEATURES = st.frozensets(st.sampled_from(["tools", "json_object", "json_schema", "reasoning"]))
MODALITIES = st.frozensets(st.sampled_from(["text", "image", "audio"])).map(lambda some: some | {"text"})
REGIONS = st.frozensets(st.sampled_from(["us", "eu", "ap", "global"]), min_size=1)


@st.composite
def models(draw: st.DrawFn) -> list[Model]:
    count = draw(st.integers(1, 12))
    return [
        model(
            f"m{number}",
            draw(st.sampled_from(["openai", "anthropic", "google", "vllm"])),
            price=draw(PRICES),
            quality=draw(st.floats(0, 1)),
            context_tokens=draw(st.sampled_from([500, 4_000, 128_000, 1_000_000])),
            output_tokens=draw(st.sampled_from([100, 4_096, 64_000])),
            tokenizer=draw(st.sampled_from(["o200k_base", "claude", "gemini", "compatible/x"])),
            kind=draw(st.sampled_from(["chat", "chat", "chat", "embedding"])),
            features=draw(st.just(ALL) | FEATURES),
            modalities=draw(st.just(frozenset({"text", "image", "audio"})) | MODALITIES),
            regions=draw(REGIONS),
        )
        for number in range(count)
    ]


REQUESTS = st.builds(
    Asked,
    # Mostly requests that many models can serve: a test of filters needs those that pass.
    size=st.builds(Size, st.integers(0, 3_000) | st.integers(0, 1_200_000), st.sampled_from([0, 0, 0, 2])),
    caller=st.just(CALLER),
    kind=st.sampled_from(["chat", "chat", "chat", "embedding"]),
    tokens_out=st.none() | st.integers(1, 100_000),
    modalities=st.just(frozenset({"text"})) | MODALITIES,
    features=st.just(frozenset()) | FEATURES,
    task=st.sampled_from(["general", "code", "no such task"]),
    strategy=st.sampled_from(Strategy),
    allowed=st.none() | st.frozensets(st.sampled_from(["m0", "openai/m1", "google/*"])),
    residency=st.none() | REGIONS,
    deadline=st.none() | st.floats(1_000, 1_030),
    budget=st.none() | st.integers(0, 1_000_000),
    stream=st.booleans(),
    seed=st.integers(0, 2**31),
)


@given(models(), REQUESTS)
def test_filters_leave_no_model_that_cannot_serve_the_request(some: list[Model], wanted: Asked) -> None:
    decision = router(*some).decide(wanted)

    for one in decision.candidates:
        found = one.model
        assert found.kind == wanted.kind
        assert wanted.features <= found.features
        assert wanted.modalities <= found.modalities
        assert wanted.residency is None or found.regions <= wanted.residency
        assert wanted.allowed is None or {found.name, key_of(found), f"{found.provider}/*"} & wanted.allowed
        assert wanted.size.tokens + wanted.size.images * found.image_tokens < found.context_tokens
        assert wanted.budget is None or one.most <= wanted.budget
        assert one.cost <= one.most
        assert wanted.deadline is None or one.first_token <= wanted.deadline - 1_000.0


@given(models(), REQUESTS)
def test_each_model_of_the_kind_is_a_candidate_or_has_a_reason(some: list[Model], wanted: Asked) -> None:
    decision = router(*some).decide(wanted)

    kept = [key_of(one.model) for one in decision.candidates]
    refused = [key_of(one.model) for one in decision.rejected]
    assert sorted(kept + refused) == sorted(key_of(one) for one in some if one.kind == wanted.kind)
    assert all(one.detail for one in decision.rejected)


@given(models(), REQUESTS, st.integers(0, 2**31))
def test_order_is_the_same_for_the_same_seed_however_the_models_are_listed(
    some: list[Model], wanted: Asked, shuffle: int
) -> None:
    again = list(some)
    random.Random(shuffle).shuffle(again)  # noqa: S311 (an order, no secret)
    one, two = router(*some).decide(wanted), router(*again).decide(wanted)

    distinct = len({(x.score, x.most) for x in one.candidates}) == len(one.candidates)
    assert router(*some).decide(wanted) == one
    assert not distinct or names(one) == names(two)


@given(models(), REQUESTS, st.integers(0, 11), st.floats(0.1, 0.99))
def test_cheaper_model_with_all_else_equal_is_never_below(
    some: list[Model], wanted: Asked, which: int, share: float
) -> None:
    dear = some[which % len(some)]
    rates = (dear.prices.input * share / 1e6, dear.prices.output * share / 1e6)
    cheap = dataclasses.replace(dear, name="cheap", prices=model(price=rates).prices)
    order = names(router(*some, cheap).decide(msgspec.structs.replace(wanted, allowed=None)))

    assert dear.name not in order or order.index("cheap") < order.index(dear.name)


@given(models(), REQUESTS, st.data())
def test_another_candidate_never_changes_the_order_of_two(
    some: list[Model], wanted: Asked, data: st.DataObject
) -> None:
    fewer = data.draw(st.lists(st.sampled_from(some), unique_by=key_of))
    of_all = names(router(*some).decide(wanted))
    of_few = [(one.score, one.model.name) for one in router(*fewer).decide(wanted).candidates]

    distinct = len({worth for worth, _ in of_few}) == len(of_few)
    assert not distinct or [name for _, name in of_few] == [
        name for name in of_all if name in {kept.name for kept in fewer}
    ]


@given(models(), REQUESTS)
def test_score_is_the_documented_formula(some: list[Model], wanted: Asked) -> None:
    one = router(*some)
    decision = one.decide(wanted)

    for found in decision.candidates:
        documented = score(
            decision.weights,
            one.policy,
            quality=found.quality,
            cost=found.cost,
            seconds=found.seconds,
            failure=found.failure,
        )
        assert math.isclose(found.score, documented, abs_tol=1e-9)
