"""The Flink job and the operator make the same of the same ticks."""

from collections import Counter

import pytest
from made import Made
from recorded import SYMBOLS, Messages

#: Of the larger of two values. A logarithm's last digit is the processor's own; all else is added alike.
TOLERANCE = 1e-12


def test_recording_has_what_is_hard(operator: Made, messages: Messages) -> None:
    reasons = Counter(reason for *_, reason in operator.refused)
    assert reasons["late"] > 20
    assert reasons["ahead"] > 20
    assert {symbol for symbol, _, _ in operator.bars} == set(SYMBOLS)
    assert {interval for _, interval, _ in operator.bars} == {"1s", "1m", "5m", "1h"}
    assert any(len(values) == 14 for values in operator.indicators.values())
    trading = [values for values in messages.values() if any(b'"ticks"' in value for value in values)]
    assert len(trading) < len(messages), "a partition in which nothing trades"
    assert [error for error in operator.void if "has succeeded" not in error] == []
    assert len(operator.void) == len(trading), "batches of a publisher that was succeeded"


def test_bars_are_the_same_to_the_last_digit(by_flink: Made, operator: Made) -> None:
    assert by_flink.bars.keys() == operator.bars.keys()
    assert by_flink.bars == operator.bars


def test_indicators_are_the_same_and_begin_with_the_same_bar(by_flink: Made, operator: Made) -> None:
    assert by_flink.indicators.keys() == operator.indicators.keys()
    for key, values in operator.indicators.items():
        assert by_flink.indicators[key] == pytest.approx(values, rel=TOLERANCE, abs=1e-15), key


def test_the_same_ticks_are_refused_for_the_same_reasons(by_flink: Made, operator: Made) -> None:
    assert by_flink.refused == operator.refused
