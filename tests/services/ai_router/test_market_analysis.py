"""Market analysis: figures of the platform's own bars, and no number in the words that is not among them."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from gateway_task import Environment
from hypothesis import given
from hypothesis import strategies as st
from postgres_servers import PostgresCluster
from richesreach.ai_router.tasks.market import indicators, summary
from richesreach.ai_router.tasks.market.figures import invented
from richesreach.ai_router.tasks.market.schemas import (
    Analysed,
    MarketAnswer,
    MarketRequest,
    Narrative,
    Signal,
    View,
)
from richesreach.ai_router.tasks.market.service import analyse
from richesreach.ai_router.tasks.market.store import Bar, Found, MarketStore
from richesreach.core.database import Database
from richesreach.core.settings import Settings
from test_sentiment import CALLER, FAILED, Answers

DAY = datetime(2026, 6, 1, tzinfo=UTC)
RISING = [100 * 1.004**day for day in range(80)]


def found(symbol: str = "AAPL", closes: Sequence[float] = RISING) -> Found:
    bars = tuple(
        Bar(DAY + timedelta(days=number), close * 1.01, close * 0.99, close, "generated")
        for number, close in enumerate(closes)
    )
    signal = Signal("trend", "BUY", 0.75, bars[-1].opened_at)
    return Found(symbol, f"{symbol} Inc.", "equity", "USD", bars, (signal,))


class Held:
    """A store of these symbols."""

    def __init__(self, *symbols: Found) -> None:
        self.symbols = {each.symbol: each for each in symbols}

    async def read(self, symbols: Sequence[str], days: int) -> Mapping[str, Found]:
        return {name: self.symbols[name] for name in symbols if name in self.symbols}


async def analysed(models: Answers | None, *symbols: str, **members: Any) -> MarketAnswer:
    request = MarketRequest([*(symbols or ("AAPL",))], **members)
    return await analyse(request, Held(found(), found("D05", RISING[::-1])), models, CALLER, "request-1")


def told(text: str, *views: dict[str, str]) -> str:
    return json.dumps({"summary": text, "views": views})


# ---------------------------------------------------------------- indicators
def test_changes_are_percent_of_the_close_so_many_bars_ago() -> None:
    made = indicators.indicators(RISING, RISING, RISING)
    assert made.change_1d == pytest.approx(0.4, abs=0.01)
    assert made.change_20d == pytest.approx((1.004**20 - 1) * 100, abs=0.01)


def test_rsi_is_wilders() -> None:
    """The fourteen-day example of Wilder's method, by hand: seven gains of 2 and seven losses of 1."""
    closes = [100.0]
    for _ in range(7):
        closes += [closes[-1] + 2, closes[-1] + 1]
    assert indicators.rsi(closes) == pytest.approx(100 - 100 / (1 + 2), abs=0.01)
    assert indicators.rsi([*closes, closes[-1]]) == indicators.rsi(closes)  # both averages shrink alike


def test_volatility_is_of_logarithmic_returns_in_a_year() -> None:
    closes = [100.0]
    for number in range(20):
        closes.append(closes[-1] * math.exp(0.01 if number % 2 else -0.01))
    deviation = math.sqrt(20 / 19) * 0.01
    assert indicators.volatility(closes) == pytest.approx(deviation * math.sqrt(252) * 100, abs=0.01)


def test_too_few_bars_leave_out_what_needs_more() -> None:
    made = indicators.indicators([100.0, 101.0], [101.0, 102.0], [99.0, 100.0])
    assert (made.change_1d, made.rsi, made.sma_20, made.volatility) == (1.0, None, None, None)


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=120))
def test_any_prices_have_indicators_within_their_ranges(closes: list[float]) -> None:
    made = indicators.indicators(closes, closes, closes)
    assert made.rsi is None or 0 <= made.rsi <= 100
    assert made.drawdown <= 0
    assert made.low <= made.close <= made.high


@pytest.mark.parametrize(
    ("closes", "trend"), [(RISING, "up"), (RISING[::-1], "down"), ([100.0] * 80, "sideways")]
)
def test_trend_is_where_the_averages_point(closes: list[float], trend: str) -> None:
    assert indicators.indicators(closes, closes, closes).trend == trend


# ---------------------------------------------------------------- without a model
async def test_without_a_model_the_summary_is_plain_and_names_every_symbol() -> None:
    answer = await analysed(None, "AAPL", "d05", "NOPE")
    assert (answer.by, answer.why_not, answer.unknown) == ("own-summary", "no model can be asked", ["NOPE"])
    assert "AAPL closed at" in answer.summary
    assert "D05 closed at" in answer.summary
    assert {view.symbol: view.stance for view in answer.views} == {"AAPL": "bullish", "D05": "neutral"}
    assert answer.symbols[0].sources == ["generated"]


async def test_own_summary_passes_the_check_that_a_models_must_pass() -> None:
    answer = await analysed(None, "AAPL", "D05")
    assert invented(Narrative(answer.summary, answer.views), answer.symbols, 90) == []


def test_stance_is_held_back_where_the_rsi_is_at_its_end() -> None:
    (view,) = summary.views([figures(RISING)])
    assert "overbought" in view.reason


def figures(closes: Sequence[float]) -> Analysed:
    bars = found(closes=closes).bars
    made = indicators.indicators(closes, closes, closes)
    return Analysed("AAPL", "Apple", "equity", "USD", bars[-1].opened_at, len(bars), made, [], ["generated"])


# ---------------------------------------------------------------- with a model
async def test_model_writes_where_its_numbers_are_the_figures() -> None:
    change = (await analysed(None)).symbols[0].indicators.change_20d
    models = Answers(
        told(
            f"AAPL gained {change:.1f} % in 20 days.",
            {"symbol": "AAPL", "stance": "bullish", "reason": "RSI at 100"},
        )
    )
    answer = await analysed(models, "AAPL", "D05", question="Which one rises?")
    assert (answer.by, answer.why_not, answer.cost_microdollars) == ("gpt-4o-mini", None, 42)
    assert answer.views[0] == View("AAPL", "bullish", "RSI at 100")
    assert answer.views[1].symbol == "D05"  # which the model left out
    sent = msgspec.json.decode(models.asked[0].members["messages"])
    assert "Which one rises?" in sent[1]["content"]
    assert models.asked[0].options.task == "market_analysis"


async def test_model_that_invents_a_number_is_told_which_and_then_not_believed() -> None:
    models = Answers(told("AAPL will reach 1,234.56 by autumn."))
    answer = await analysed(models)
    assert len(models.asked) == 2
    again = msgspec.json.decode(models.asked[1].members["messages"])[1]["content"]
    assert json.loads(again)["not_among_the_figures"] == ["1,234.56"]
    assert (answer.by, answer.cost_microdollars) == ("own-summary", 84)
    assert "1,234.56" in str(answer.why_not)


async def test_view_of_a_symbol_that_nobody_asked_for_is_not_believed() -> None:
    models = Answers(told("All is well.", {"symbol": "TSLA", "stance": "bullish", "reason": "it rises"}))
    answer = await analysed(models)
    assert (answer.by, "TSLA" in str(answer.why_not)) == ("own-summary", True)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (FAILED, "no model answered"),
        ("It goes up.", "answered otherwise than asked"),
        (
            told("Up.", {"symbol": "AAPL", "stance": "moon", "reason": ""}),
            "answered otherwise than asked",
        ),
    ],
)
async def test_without_a_usable_answer_the_summary_is_our_own(answer: str | Exception, why: str) -> None:
    made = await analysed(Answers(answer))
    assert made.by == "own-summary"
    assert why in str(made.why_not)


async def test_caller_may_forbid_to_ask() -> None:
    models = Answers(told("Up."))
    assert (await analysed(models, narrate="never")).why_not == "none was to be asked"
    assert models.asked == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("RSI(14) and the 50-day average", []),
        ("closed on 2026-08-19 at 137.0", []),
        ("a close of 137", []),
        ("a close of 139.55", ["139.55"]),
        ("D05 is no five", []),
        ("a rise of 77.7 %", ["77.7"]),
        ("confidence of 75 %", []),
    ],
)
def test_numbers_are_compared_as_they_are_written(text: str, wrong: list[str]) -> None:
    held = figures(RISING)
    held.indicators.close = 137.04
    held.signals = [Signal("trend", "BUY", 0.75, DAY)]
    other = figures(RISING)
    other.symbol = "D05"
    assert invented(Narrative(text, []), [held, other], 90) == wrong


# ---------------------------------------------------------------- the gateway's tables
@pytest.fixture
async def store(environment: Environment, database: PostgresCluster) -> AsyncIterator[MarketStore]:
    """The tables as the gateway's migrations make them, with the samples of environment local."""
    database.replicated()
    opened = Database(Settings.from_environment(environment))
    await opened.open()
    yield MarketStore(opened)
    await opened.close()


async def test_bars_and_signals_are_read_from_the_gateways_tables(store: MarketStore) -> None:
    held = await store.read(["AAPL", "BTC-USD", "NOPE"], 60)
    assert held.keys() == {"AAPL", "BTC-USD"}
    apple = held["AAPL"]
    assert (apple.name, apple.currency, len(apple.bars), len(apple.signals)) == ("Apple Inc.", "USD", 60, 3)
    assert [bar.opened_at for bar in apple.bars] == sorted(bar.opened_at for bar in apple.bars)
    assert all(bar.low <= bar.close <= bar.high and bar.source == "generated" for bar in apple.bars)


async def test_samples_of_the_local_platform_are_analysed(store: MarketStore) -> None:
    answer = await analyse(MarketRequest(["AAPL", "SPY"]), store, None, CALLER, "request-1")
    assert [each.symbol for each in answer.symbols] == ["AAPL", "SPY"]
    assert all(each.indicators.rsi is not None for each in answer.symbols)
