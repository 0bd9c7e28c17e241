"""From the decision to the answer: fallbacks, keys, time and cancelling; each attempt accounted once."""

import asyncio
import time

import pytest
from dispatch_bench import FIRST, Bench
from models_for_tests import CALLER, asked, model
from richesreach.ai_router.dispatching.faults import AllFailedError, NothingFitsError
from richesreach.ai_router.model import Failure, ProviderError, Usage
from richesreach.ai_router.routing.asking import Asker
from richesreach.ai_router.routing.decision import Reason
from richesreach.ai_router.wire.embeddings import EmbedRequest
from scripted_provider import USAGE, Hangs, ScriptedProvider, fails

TRANSIENT = [
    Failure.RATE_LIMITED,
    Failure.OUT_OF_CREDIT,
    Failure.UNAUTHENTICATED,
    Failure.OVERLOADED,
    Failure.TIMEOUT,
    Failure.UNREACHABLE,
    Failure.SERVER_ERROR,
    Failure.MALFORMED,
    Failure.TRUNCATED,
    Failure.UNKNOWN_MODEL,
]


async def test_answer_is_the_best_candidates_and_is_paid_for() -> None:
    bench = Bench(ScriptedProvider())

    done = await bench.ask()

    await bench.balanced()
    assert (done.answer.body, done.candidate.model.name) == (b'"first"', "first")
    assert bench.ledger.spent == USAGE.cost(FIRST.prices) == done.microdollars
    assert bench.ledger.served[0].outcome == "ok"


@pytest.mark.parametrize("failure", TRANSIENT)
async def test_next_candidate_answers_where_the_first_fails(failure: Failure) -> None:
    bench = Bench(ScriptedProvider(first=[fails(failure)]))

    done = await bench.ask()

    await bench.balanced()
    assert done.answer.body == b'"second"'
    assert [(one.model, one.failure) for one in done.attempts] == [("first", failure), ("second", None)]


@pytest.mark.parametrize("failure", [Failure.INVALID_REQUEST, Failure.CONTENT_FILTERED])
async def test_request_at_fault_is_not_tried_elsewhere(failure: Failure) -> None:
    bench = Bench(ScriptedProvider(first=[fails(failure)]))

    with pytest.raises(ProviderError) as caught:
        await bench.ask()

    await bench.balanced()
    assert caught.value.failure is failure
    assert bench.provider.calls == [("first", "a")]
    assert bench.ledger.spent == 0


async def test_prompt_that_was_too_long_after_all_goes_to_a_wider_window_only() -> None:
    same, wide = model("same", quality=0.5), model("wide", quality=0.1, context_tokens=200_000)
    bench = Bench(ScriptedProvider(first=[fails(Failure.CONTEXT_TOO_LONG)]), FIRST, same, wide)

    done = await bench.ask()

    assert done.answer.body == b'"wide"'
    assert [name for name, _ in bench.provider.calls] == ["first", "wide"]


@pytest.mark.parametrize("failure", [Failure.RATE_LIMITED, Failure.OUT_OF_CREDIT, Failure.UNAUTHENTICATED])
async def test_another_key_is_tried_before_another_model(failure: Failure) -> None:
    bench = Bench(ScriptedProvider(first=[fails(failure), USAGE]), keys=("a", "b"))

    done = await bench.ask()

    assert done.candidate.model.name == "first"
    assert {key for _, key in bench.provider.calls} == {"a", "b"}


async def test_key_out_of_credit_is_not_asked_again_by_the_next_request() -> None:
    bench = Bench(ScriptedProvider(first=[fails(Failure.OUT_OF_CREDIT), USAGE]), keys=("a", "b"))
    await bench.ask()
    spent_key = bench.provider.calls[0][1]

    for _ in range(5):
        await bench.ask()

    assert [key for _, key in bench.provider.calls].count(spent_key) == 1
    assert bench.dispatcher.cooling.report()[0].reason is Failure.OUT_OF_CREDIT


async def test_single_model_that_did_nothing_is_asked_once_more() -> None:
    bench = Bench(ScriptedProvider(first=[fails(Failure.OVERLOADED), USAGE]), FIRST)

    done = await bench.ask()

    await bench.balanced()
    assert [one.failure for one in done.attempts] == [Failure.OVERLOADED, None]


@pytest.mark.parametrize("failure", [Failure.TIMEOUT, Failure.MALFORMED, Failure.TRUNCATED])
async def test_model_that_may_bill_the_first_time_is_not_asked_twice(failure: Failure) -> None:
    bench = Bench(ScriptedProvider(first=[fails(failure), USAGE]), FIRST)

    with pytest.raises(AllFailedError):
        await bench.ask()

    await bench.balanced()
    assert len(bench.provider.calls) == 1
    assert bench.ledger.spent >= FIRST.prices.input * 1_000 // 1_000_000


async def test_rate_limit_that_lasts_longer_than_the_deadline_is_not_waited_for() -> None:
    bench = Bench(ScriptedProvider(first=[fails(Failure.RATE_LIMITED, retry_after=30)]), FIRST)

    with pytest.raises(AllFailedError) as caught:
        await bench.ask(asked(deadline=time.monotonic() + 5))

    assert caught.value.retry_after == 30
    assert len(bench.provider.calls) == 1


async def test_all_down_says_what_was_tried() -> None:
    down = fails(Failure.UNREACHABLE)
    bench = Bench(ScriptedProvider(first=[down], second=[down]), attempts=2)

    with pytest.raises(AllFailedError) as caught:
        await bench.ask()

    await bench.balanced()
    assert (
        str(caught.value)
        == "no provider answered: openai/first (unreachable), anthropic/second (unreachable)"
    )
    assert bench.ledger.served[0].outcome == "unreachable"


async def test_attempts_have_an_end() -> None:
    down = fails(Failure.SERVER_ERROR)
    some = [model(f"m{number}") for number in range(10)]
    bench = Bench(ScriptedProvider(**{one.name: [down] for one in some}), *some, attempts=3)

    with pytest.raises(AllFailedError):
        await bench.ask()

    assert len(bench.provider.calls) == 3


async def test_when_everything_fails_retries_do_not_double_the_load() -> None:
    bench = Bench(ScriptedProvider(first=[fails(Failure.OVERLOADED)]), FIRST, pause=0.0)
    bench.dispatcher.cooling.failed = lambda *_: None  # type: ignore[method-assign]
    for _ in range(100):
        with pytest.raises(AllFailedError):
            await bench.ask()

    assert len(bench.provider.calls) < 150


async def test_provider_that_hangs_leaves_time_for_another() -> None:
    hangs = Hangs()
    bench = Bench(ScriptedProvider(first=[hangs]), whole=2.0, least=0.1, patience=0.1)

    done = await bench.ask()

    await bench.balanced()
    assert done.answer.body == b'"second"'
    assert hangs.cancelled
    assert done.attempts[0].failure is Failure.TIMEOUT


async def test_last_candidate_gets_all_the_time_that_is_left() -> None:
    bench = Bench(ScriptedProvider(first=[fails(Failure.OVERLOADED)]), whole=40.0)

    await bench.ask()

    assert bench.provider.timeouts[0] < 25
    assert bench.provider.timeouts[1] > 39


async def test_caller_that_leaves_stops_the_provider_and_pays_for_what_was_done() -> None:
    hangs = Hangs()
    bench = Bench(ScriptedProvider(first=[hangs]))
    task = asyncio.create_task(bench.ask())
    await asyncio.sleep(0.05)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await bench.balanced()
    assert hangs.cancelled
    served = bench.ledger.served[0]
    assert served.outcome == "cancelled"
    assert served.attempts[0].usage.estimated
    assert served.attempts[0].usage.input == 1_000
    assert bench.dispatcher.router.estimates.view(FIRST).load == 0


async def test_bug_in_a_provider_is_settled_and_recorded_too() -> None:
    def broken() -> Usage:
        raise ZeroDivisionError

    bench = Bench(ScriptedProvider(first=[broken]))

    with pytest.raises(ZeroDivisionError):
        await bench.ask()

    await bench.balanced()
    assert bench.ledger.served[0].outcome == "internal_error"


async def test_nothing_fits_says_why_and_is_recorded() -> None:
    bench = Bench(ScriptedProvider())

    with pytest.raises(NothingFitsError) as caught:
        await bench.ask(asked(500_000))

    await bench.balanced()
    assert (caught.value.reason, caught.value.room) == (Reason.CONTEXT_TOO_LONG, 100_000)
    assert bench.ledger.served[0].outcome == "context_too_long"


async def test_unknown_model_is_told_by_its_name() -> None:
    bench = Bench(ScriptedProvider())

    with pytest.raises(NothingFitsError, match="no model is called gpt-99"):
        await bench.ask(asked(model="gpt-99"))


async def test_named_model_stays_alone_without_fallbacks() -> None:
    bench = Bench(ScriptedProvider(first=[fails(Failure.SERVER_ERROR)]), attempts=1)

    with pytest.raises(AllFailedError):
        await bench.ask(asked(model="first"))

    assert {name for name, _ in bench.provider.calls} == {"first"}


async def test_embeddings_are_asked_of_the_named_model_at_its_providers_only() -> None:
    vectors = [model("vectors", one, kind="embedding") for one in ("openai", "vllm")]
    bench = Bench(
        ScriptedProvider(vectors=[fails(Failure.SERVER_ERROR), Usage(7, 0)]), *vectors, model("chat")
    )
    request = EmbedRequest.read(b'{"model":"vectors","input":["hello"]}')

    bench.count += 1
    done = await bench.dispatcher.embed(request, Asker().embedding(request, CALLER), "q1")

    await bench.balanced()
    assert done.usage == Usage(7, 0)
    assert [one.model for one in done.attempts] == ["vectors", "vectors"]
    assert len({one.provider for one in done.attempts}) == 2
