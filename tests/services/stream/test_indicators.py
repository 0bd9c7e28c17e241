"""Indicators step by step over closed bars, against TA-Lib over the whole series."""

import math

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from richesreach.stream.definitions import FALLING, INDICATORS, RANGING, RISING, TURBULENT, Kind
from richesreach.stream.history import Floats
from richesreach.stream.indicators import Indicators

# Of the price, for values in currency; of a hundred for RSI. TA-Lib's Bollinger bands lose half the digits of
# a float to cancellation, and nothing that computes them otherwise can agree further.
TOLERANCE = 1e-9
BAND_TOLERANCE = 1e-6
ROWS = {indicator.name: row for row, indicator in enumerate(INDICATORS)}


def stepped(closes: Floats, volumes: Floats | None = None) -> Floats:
    """(indicators, bars, symbols) of closes (bars, symbols), one bar after the other."""
    bars, symbols = closes.shape
    volumes = np.ones_like(closes) if volumes is None else volumes
    state = Indicators(symbols)
    everybody = np.arange(symbols)
    made = [
        state.update(everybody, closes[bar], volumes[bar], closes[bar] * volumes[bar]) for bar in range(bars)
    ]
    return np.stack(made, axis=1)


def walk(seed: int, bars: int, symbols: int, price: float, daring: float) -> Floats:
    """Prices with runs of standing still, as real ones have."""
    source = np.random.default_rng(seed)
    moves = source.normal(0.0, daring, (bars, symbols)) * (source.random((bars, symbols)) > 0.3)
    return np.maximum(np.round(price * np.exp(np.cumsum(moves, axis=0)), 8), 1e-8)


def reference(closes: Floats) -> dict[str, Floats]:
    """TA-Lib's values of one symbol."""
    macd, signal, histogram = talib.MACD(closes, 12, 26, 9)
    upper, middle, lower = talib.BBANDS(closes, 20, 2.0, 2.0, 0)
    returns = np.concatenate([[0.0], np.diff(np.log(closes))])
    volatility = np.full(len(closes), np.nan)
    if len(closes) > 20:
        volatility[20:] = np.sqrt(talib.SUM(returns[1:] ** 2, 20)[19:])
    return {
        "sma_20": talib.SMA(closes, 20),
        "sma_50": talib.SMA(closes, 50),
        "ema_12": talib.EMA(closes, 12),
        "ema_26": talib.EMA(closes, 26),
        "rsi_14": talib.RSI(closes, 14),
        "macd": macd,
        "macd_signal": signal,
        "macd_histogram": histogram,
        "bollinger_upper": upper,
        "bollinger_middle": middle,
        "bollinger_lower": lower,
        "realised_volatility_20": volatility,
    }


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    bars=st.integers(1, 260),
    price=st.floats(0.01, 200_000.0),
    daring=st.sampled_from([0.0, 1e-6, 1e-3, 0.05]),
)
def test_values_and_warm_up_are_those_of_ta_lib(seed: int, bars: int, price: float, daring: float) -> None:
    closes = walk(seed, bars, 3, price, daring)
    made = stepped(closes)
    for symbol in range(closes.shape[1]):
        highest = float(closes[:, symbol].max())
        for name, expected in reference(closes[:, symbol].copy()).items():
            size = {"rsi_14": 100.0, "realised_volatility_20": 1.0}.get(name, highest)
            loose = BAND_TOLERANCE if name in {"bollinger_upper", "bollinger_lower"} else TOLERANCE
            # The sum that TA-Lib keeps rolling is off by an error of which the root is taken.
            loose = 1e-7 if name == "realised_volatility_20" else loose
            np.testing.assert_allclose(
                made[ROWS[name], :, symbol], expected, rtol=0, atol=loose * size, err_msg=name
            )


def test_the_first_value_comes_with_the_bar_that_the_definition_names() -> None:
    made = stepped(walk(7, 80, 1, 100.0, 0.01))
    for row, indicator in enumerate(INDICATORS):
        known = ~np.isnan(made[row, :, 0])
        assert not known[: indicator.warm_up - 1].any(), indicator.name
        assert known[indicator.warm_up - 1 :].all(), indicator.name


def test_rsi_of_prices_that_never_move_is_zero() -> None:
    assert stepped(np.full((20, 1), 50.0))[ROWS["rsi_14"], -1, 0] == 0.0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), absent=st.floats(0.0, 0.95))
def test_a_symbol_has_the_values_it_would_have_alone(seed: int, absent: float) -> None:
    """Symbols trade in different seconds, and come up one after the other."""
    closes = walk(seed, 120, 4, 100.0, 0.01)
    present = np.random.default_rng(seed).random(closes.shape) >= absent
    together, symbols = Indicators(2), np.arange(4)
    last: dict[int, Floats] = {}
    for bar, here in enumerate(present):
        if bar == 60:
            together.history.reserve(4)
        chosen = symbols[here & ((symbols < 2) | (bar >= 60))]
        if len(chosen) == 0:
            continue
        close = closes[bar, chosen]
        made = together.update(chosen, close, np.ones(len(chosen)), close)
        last.update({symbol: made[:, i] for i, symbol in enumerate(chosen.tolist())})
    for symbol, values in last.items():
        own = present[:, symbol] & ((np.arange(120) >= 60) | (symbol < 2))
        alone = stepped(closes[own][:, [symbol]])[:, -1, 0]
        np.testing.assert_array_equal(values, alone)


def test_vwap_weighs_closes_by_volume_over_the_window_alone() -> None:
    source = np.random.default_rng(3)
    closes, volumes = walk(3, 45, 1, 10.0, 0.02), source.integers(0, 9, (45, 1)).astype(float)
    made = stepped(closes, volumes)[ROWS["vwap_20"], -1, 0]
    assert made == pytest.approx(np.average(closes[-20:, 0], weights=volumes[-20:, 0]), rel=1e-12)


def test_vwap_without_volume_has_no_value() -> None:
    assert math.isnan(stepped(np.full((30, 1), 5.0), np.zeros((30, 1)))[ROWS["vwap_20"], -1, 0])


@pytest.mark.parametrize(
    ("moves", "regime"),
    [
        (np.full(80, 0.001), RISING),
        (np.full(80, -0.001), FALLING),
        (np.resize([0.001, -0.001], 80), RANGING),
        (np.concatenate([np.resize([0.001, -0.001], 70), np.resize([0.05, -0.05], 10)]), TURBULENT),
    ],
    ids=["rising", "falling", "ranging", "turbulent"],
)
def test_the_regime_is_that_of_the_prices(moves: Floats, regime: float) -> None:
    closes = (100.0 * np.exp(np.cumsum(moves)))[:, None]
    assert stepped(closes)[ROWS["regime"], -1, 0] == regime


def test_a_price_below_zero_leaves_a_window_without_volatility_and_no_trace_after_it() -> None:
    closes = walk(5, 120, 1, 30.0, 0.01)
    closes[60] = -37.63
    made = stepped(closes)[ROWS["realised_volatility_20"], :, 0]
    assert np.isnan(made[60:81]).all()
    assert not np.isnan(made[81:]).any()


def test_every_indicator_has_a_name_of_its_own_and_a_source() -> None:
    assert len(ROWS) == len(INDICATORS)
    assert all(indicator.source and indicator.formula for indicator in INDICATORS)
    assert {indicator.kind for indicator in INDICATORS} == set(Kind)
