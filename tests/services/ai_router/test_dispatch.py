"""From the decision to the answer: fallbacks, keys, time, money, cancelling; each attempt accounted once."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from models_for_tests import asked, model
from richesreach.ai_router.budgets.model import BudgetExhaustedError
from richesreach.ai_router.chain import Limits
from richesreach.ai_router.dispatch import Dispatcher
from richesreach.ai_router.faults import AllFailedError, NothingFitsError
from richesreach.ai_router.model import Failure, Model, ProviderError, Usage
from richesreach.ai_router.providers.credentials import Credential, Credentials
from richesreach.ai_router.routing.asked import AUTO, Asked
from richesreach.ai_router.routing.catalogue import Catalogue, Speed
from richesreach.ai_router.routing.decision import Reason
from richesreach.ai_router.routing.estimates import Estimates
from richesreach.ai_router.routing.router import Router
from richesreach.ai_router.wire.chat import ChatRequest
from scripted_provider import USAGE, Hangs, MemoryLedger, ScriptedProvider, fails

HELLO = ChatRequest.of([{"role": "user", "content": "hello"}])
FIRST, SECOND = model("first", quality=0.9), model("second", "anthropic", quality=0.5)
CHEAP = model("cheap", quality=0.1, price=(0.1, 0.1))
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


class Bench:
    """A dispatcher between a scripted provider and a ledger in memory."""

    def __init__(
        self,
        provider: ScriptedProvider,
        *models: Model,
        keys: tuple[str, ...] = ("a",),
        ledger: MemoryLedger | None = None,
        speed: Speed | None = None,
        **limits: Any,
    ) -> None:
        self.provider = provider
        self.ledger = ledger or MemoryLedger()
        some = models or (FIRST, SECOND)
        names = {one.provider for one in some}
        self.credentials = Credentials({name: [Credential(key, "s") for key in keys] for name in names})
        speeds = {f"{one.provider}/{one.name}": speed or Speed(0.2, 1_000) for one in some}
        catalogue = Catalogue(some, names, speeds)
        router = Router(catalogue, Estimates(speed=catalogue.speed), keys=lambda _provider: keys)
        self.dispatcher = Dispatcher(
            router,
            dict.fromkeys(names, provider),
            self.credentials,
            self.ledger,
            limits=Limits(**({"pause": 0.01} | limits)),
            rng=random.Random(1),  # noqa: S311 (picks keys)
        )
        self.count = 0

    async def ask(self, wanted: Asked | None = None, request: ChatRequest = HELLO) -> Any:
        self.count += 1
        return await self.dispatcher.answer(request, wanted or asked(), f"q{self.count}")

    async def stream(self, wanted: Asked | None = None) -> Any:
        self.count += 1
        return await self.dispatcher.stream(HELLO, wanted or asked(), f"q{self.count}")

    async def balanced(self) -> None:
        await self.dispatcher.close()
        self.ledger.assert_balanced(self.count)


async def text_of(stream: Any) -> str:
    return "".join([chunk.data.decode() async for chunk in stream])


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


async def test_budget_that_cannot_bear_the_best_candidate_gets_a_cheaper_one() -> None:
    bench = Bench(ScriptedProvider(), FIRST, CHEAP, ledger=MemoryLedger(limit=2_000))

    done = await bench.ask()

    await bench.balanced()
    assert done.candidate.model.name == "cheap"


async def test_low_budget_prefers_the_cheapest_and_says_that_it_did() -> None:
    bench = Bench(ScriptedProvider(), FIRST, CHEAP, ledger=MemoryLedger(limit=1_000_000, low=True))

    done = await bench.ask()
    await bench.balanced()

    assert done.candidate.model.name == "cheap"
    assert bench.ledger.served[0].downgraded


async def test_budget_that_was_spent_meanwhile_leads_to_a_cheaper_candidate() -> None:
    ledger = MemoryLedger(limit=2_000, stale=1_000_000)
    bench = Bench(ScriptedProvider(), FIRST, CHEAP, ledger=ledger)

    done = await bench.ask()

    await bench.balanced()
    assert done.candidate.model.name == "cheap"
    assert ledger.refused == 1


async def test_exhausted_budget_is_the_books_word_with_its_numbers() -> None:
    bench = Bench(ScriptedProvider(), ledger=MemoryLedger(limit=5))

    with pytest.raises(BudgetExhaustedError) as caught:
        await bench.ask()

    await bench.balanced()
    assert caught.value.left == 5
    assert bench.provider.calls == []
    assert bench.ledger.served[0].outcome == "budget_exhausted"


async def test_books_that_have_more_than_this_process_knew_still_serve() -> None:
    bench = Bench(ScriptedProvider(), ledger=MemoryLedger(limit=1_000_000, stale=0))

    assert (await bench.ask()).answer.body

    await bench.balanced()


async def test_answer_is_bounded_by_what_was_set_aside_for_it() -> None:
    bench = Bench(ScriptedProvider(), ledger=MemoryLedger(limit=1_000_000))

    await bench.ask()

    sent = bench.provider.requests[0]
    assert sent.given.output_limit == 8_000
    assert b'"max_completion_tokens":8000' in sent.body_for("first")


async def test_answer_of_a_caller_without_a_budget_is_not_bounded() -> None:
    bench = Bench(ScriptedProvider())

    await bench.ask()

    assert bench.provider.requests == [HELLO]


async def test_two_hundred_callers_at_once_never_overspend_one_budget() -> None:
    worst = (1_000 * 1 + 8_000 * 2) * 20
    ledger = MemoryLedger(limit=worst)
    bench = Bench(ScriptedProvider(first=[lambda: Usage(1_000, 8_000)]), FIRST, ledger=ledger)

    found = await asyncio.gather(*(bench.ask() for _ in range(200)), return_exceptions=True)

    await bench.balanced()
    answered = [one for one in found if not isinstance(one, BaseException)]
    assert len(answered) == 20
    assert all(isinstance(one, BudgetExhaustedError) for one in found if isinstance(one, BaseException))


async def test_dearer_fallback_sets_aside_what_is_missing() -> None:
    dear = model("dear", quality=0.0, price=(10, 50))
    bench = Bench(
        ScriptedProvider(first=[fails(Failure.OVERLOADED)]), FIRST, dear, ledger=MemoryLedger(limit=1_000_000)
    )

    done = await bench.ask()

    await bench.balanced()
    assert done.candidate.model.name == "dear"
    assert len(bench.ledger.reserved) == 2


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


# ----------------------------------------------------------------------------------------------- hedging


async def test_hedge_asks_a_second_candidate_when_the_first_takes_long() -> None:
    hangs = Hangs()
    bench = Bench(ScriptedProvider(first=[hangs]), speed=Speed(0.01, 100_000))

    done = await bench.ask(asked(hedge=True))

    await bench.balanced()
    assert done.answer.body == b'"second"'
    assert hangs.cancelled
    assert [(one.model, one.hedge) for one in bench.ledger.served[0].attempts] == [
        ("first", False),
        ("second", True),
    ]
    assert bench.ledger.served[0].attempts[0].cost > 0


async def test_hedge_is_not_asked_where_the_first_answers_in_time() -> None:
    bench = Bench(ScriptedProvider(), speed=Speed(5.0, 100))

    await bench.ask(asked(hedge=True))

    assert len(bench.provider.calls) == 1


async def test_hedge_goes_on_with_the_chain_where_both_fail() -> None:
    third = model("third", quality=0.1)
    broken = fails(Failure.SERVER_ERROR)
    bench = Bench(ScriptedProvider(first=[broken], second=[broken]), FIRST, SECOND, third)

    done = await bench.ask(asked(hedge=True))

    await bench.balanced()
    assert done.answer.body == b'"third"'


async def test_caller_that_leaves_a_hedged_request_stops_both() -> None:
    one, two = Hangs(), Hangs()
    bench = Bench(ScriptedProvider(first=[one], second=[two]), speed=Speed(0.001, 1_000_000))
    task = asyncio.create_task(bench.ask(asked(hedge=True)))
    await asyncio.sleep(0.1)

    task.cancel()
    await asyncio.wait([task])

    await bench.balanced()
    assert (one.cancelled, two.cancelled) == (True, True)
    assert len(bench.ledger.served[0].attempts) == 2


async def test_budget_that_bears_one_attempt_only_is_not_hedged() -> None:
    hangs = Hangs()
    bench = Bench(
        ScriptedProvider(first=[hangs]),
        ledger=MemoryLedger(limit=20_000),
        speed=Speed(0.001, 1_000_000),
        whole=0.3,
        least=0.2,
    )

    with pytest.raises((AllFailedError, BudgetExhaustedError)):
        await bench.ask(asked(hedge=True))

    await bench.balanced()
    assert not any(one.hedge for one in bench.ledger.served[0].attempts)


# ----------------------------------------------------------------------------------------------- streams


@pytest.fixture
async def streamed() -> AsyncIterator[Bench]:
    bench = Bench(ScriptedProvider(first=[["", "Hel", "lo", Usage(1_000, 2)]]))
    yield bench
    await bench.balanced()


async def test_stream_comes_whole_and_is_paid_by_its_usage(streamed: Bench) -> None:
    async with await streamed.stream() as stream:
        assert await text_of(stream) == "Hello"

    await streamed.dispatcher.close()
    assert streamed.ledger.spent == Usage(1_000, 2).cost(FIRST.prices)
    assert streamed.ledger.served[0].first_token is not None
    assert streamed.ledger.served[0].outcome == "ok"


async def test_stream_that_breaks_before_its_first_word_is_taken_over() -> None:
    bench = Bench(ScriptedProvider(first=[["", fails(Failure.TRUNCATED)]], second=[["Hello", USAGE]]))

    async with await bench.stream() as stream:
        assert await text_of(stream) == "Hello"

    await bench.balanced()
    assert [one.failure for one in stream.attempts] == [Failure.TRUNCATED, None]


async def test_stream_that_ends_before_it_begins_is_taken_over() -> None:
    bench = Bench(ScriptedProvider(first=[[]], second=[["Hello", USAGE]]))

    async with await bench.stream() as stream:
        assert await text_of(stream) == "Hello"

    await bench.balanced()


async def test_stream_that_breaks_in_the_midst_is_no_one_elses() -> None:
    bench = Bench(ScriptedProvider(first=[["Hello wo", fails(Failure.TRUNCATED)]]))

    async with await bench.stream() as stream:
        with pytest.raises(ProviderError) as caught:
            await text_of(stream)

    await bench.balanced()
    assert caught.value.began
    assert len(bench.provider.calls) == 1
    assert bench.ledger.served[0].attempts[0].usage == Usage(1_000, 2, estimated=True)
    assert bench.ledger.served[0].outcome == "truncated"


async def test_reader_that_leaves_stops_the_provider_and_pays_for_what_came() -> None:
    hangs = Hangs()
    bench = Bench(ScriptedProvider(first=[["Hello wo", "rld!", hangs]]))

    async with await bench.stream() as stream:
        async for _ in stream:
            break

    await bench.balanced()
    assert bench.provider.closed == 1
    served = bench.ledger.served[0]
    assert (served.outcome, served.attempts[0].usage) == ("cancelled", Usage(1_000, 2, estimated=True))


async def test_reader_that_is_cancelled_while_it_waits_pays_once() -> None:
    hangs = Hangs()
    bench = Bench(ScriptedProvider(first=[["Hello", hangs]]))
    stream = await bench.stream()
    task = asyncio.create_task(text_of(stream))
    await asyncio.sleep(0.05)

    task.cancel()
    await asyncio.wait([task])
    await stream.aclose()

    await bench.balanced()
    assert hangs.cancelled
    assert bench.ledger.served[0].outcome == "cancelled"


async def test_stream_that_is_never_read_is_settled_when_it_is_closed() -> None:
    bench = Bench(ScriptedProvider(first=[["Hello", USAGE]]))

    await (await bench.stream()).aclose()

    await bench.balanced()
    assert bench.provider.closed == 1


async def test_stream_without_usage_is_paid_by_an_estimate() -> None:
    bench = Bench(ScriptedProvider(first=[["Hello wo", "rld!"]]))

    async with await bench.stream() as stream:
        await text_of(stream)

    await bench.balanced()
    assert bench.ledger.served[0].attempts[0].usage == Usage(1_000, 3, estimated=True)


async def test_hedged_stream_closes_the_one_that_lost() -> None:
    bench = Bench(ScriptedProvider(first=[[Hangs()]], second=[["Hello", USAGE]]), speed=Speed(0.01, 1_000))

    async with await bench.stream(asked(hedge=True, fallbacks=(AUTO,))) as stream:
        assert await text_of(stream) == "Hello"

    await bench.balanced()
    assert bench.provider.closed == 2
