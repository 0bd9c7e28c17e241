"""What a request may cost is set aside before a provider is asked, and settled once."""

import asyncio

import pytest
from dispatch_bench import CHEAP, FIRST, HELLO, Bench
from models_for_tests import model
from richesreach.ai_router.budgets.model import BudgetExhaustedError
from richesreach.ai_router.model import Failure, Usage
from scripted_provider import MemoryLedger, ScriptedProvider, fails


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
