"""Streams are taken over until their first word, hedges stop the one that lost, and each is paid for once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from dispatch_bench import FIRST, SECOND, Bench
from models_for_tests import asked, model
from richesreach.ai_router.budgets.model import BudgetExhaustedError
from richesreach.ai_router.dispatching.faults import AllFailedError
from richesreach.ai_router.model import Failure, ProviderError, Usage
from richesreach.ai_router.routing.asked import AUTO
from richesreach.ai_router.routing.catalogue import Speed
from scripted_provider import USAGE, Hangs, MemoryLedger, ScriptedProvider, fails


async def text_of(stream: Any) -> str:
    return "".join([chunk.data.decode() async for chunk in stream])


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
    broken = fails(Failure.TRUNCATED, began=True)
    bench = Bench(ScriptedProvider(first=[["", broken]], second=[["Hello", USAGE]]))

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
    assert bench.ledger.served[0].attempts[0].usage == Usage(1_000, 2, estimated=True)


async def test_request_that_is_ended_twice_is_recorded_once() -> None:
    bench = Bench(ScriptedProvider(first=[["Hello", USAGE]]))
    stream = await bench.stream()
    await stream.aclose()

    stream._end(None)

    await bench.balanced()


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
