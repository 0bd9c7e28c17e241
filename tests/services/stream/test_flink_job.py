"""What the Flink job has of its own: SQL made of the definitions, and a second form of the indicators."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from richesreach.stream.definitions import INDICATORS, SCALE
from richesreach.stream.indicators import Indicators
from richesreach.stream.outbox import Outbox, Stage
from richesreach.stream.outputs import Identity, Output
from richesreach.stream.settings import StreamSettings
from richesreach.stream.wide import as_float, carry, product, split

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "services" / "flink" / "job"))

from bars.indicators import EMPTY, Closed, Formula, closed, step  # noqa: E402
from bars.statements import FORMULAS  # noqa: E402

NAMES = [indicator.name for indicator in INDICATORS]


def both(bars: list[Closed]) -> list[tuple[dict[str, float], dict[str, float]]]:
    """By bar: what the job's step gives, and what the operator gives."""
    state, operator, symbol, made = EMPTY, Indicators(1), np.zeros(1, np.int64), []
    formulas = [Formula(*formula) for formula in FORMULAS]
    for bar in bars:
        state, ours = step(state, bar, formulas)
        values = operator.update(symbol, *(np.array([value]) for value in bar))[:, 0].tolist()
        theirs = {name: value for name, value in zip(NAMES, values, strict=True) if not math.isnan(value)}
        made.append((ours, theirs))
    return made


def walk(seed: int, price: float, daring: float, bars: int = 160) -> list[Closed]:
    chance = np.random.default_rng(seed)
    closes = price * np.exp(np.cumsum(chance.normal(0, daring, bars)))
    volumes = chance.integers(0, 3, bars) * chance.uniform(0, 10, bars)
    return [Closed(float(c), float(v), float(c * v)) for c, v in zip(closes, volumes, strict=True)]


@pytest.mark.parametrize("seed", range(12))
def test_steps_are_those_of_the_operator(seed: int) -> None:
    bars = walk(seed, price=(0.01, 3.0, 200_000.0)[seed % 3], daring=(1e-6, 1e-3, 0.05, 0.0)[seed % 4])
    for ours, theirs in both(bars):
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("strange", [0.0, -3.0, 1e-300])
def test_a_price_without_a_logarithm_is_borne_as_the_operator_bears_it(strange: float) -> None:
    bars = walk(3, 10.0, 0.01)
    bars[70] = Closed(strange, 1.0, strange)
    with np.errstate(all="ignore"):
        for ours, theirs in both(bars):
            assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("price", [1, -5, 2**62, -(2**62) + 7, 123_456_789_012_345])
def test_sums_beyond_64_bits_become_the_floats_that_they_are_to_the_operator(price: int) -> None:
    sizes = np.array([1, 2**61 + 12345, 10**17 + 1], np.int64)
    prices = np.full(len(sizes), price, np.int64)
    volume, notional = split(sizes).sum(axis=1)[None], product(prices, sizes).sum(axis=1)[None]
    carry(volume)
    carry(notional)
    exact = sum(int(size) for size in sizes)
    bar = closed(price, exact, exact * price, SCALE)
    assert bar.volume == as_float(volume)[0] / SCALE
    assert bar.notional == as_float(notional)[0] / SCALE**2


def test_statements_are_what_the_definitions_say() -> None:
    command = [sys.executable, str(ROOT / "services" / "flink" / "generate.py"), "--check"]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(ROOT / "services")}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_where_flink_makes_bars_the_operator_counts_its_own_and_sends_none() -> None:
    assert StreamSettings.from_environment({}).bars
    settings = StreamSettings.from_environment({"STREAM_JOB": "flink"})
    outbox, stage = Outbox({"bootstrap.servers": "127.0.0.1:1"}, bars=settings.bars), Stage()
    identity = Identity(0, 0, 0)
    outbox.put(iter([Output(identity, "AAPL", b"{}", b"{}")]), 1, stage)
    assert outbox.send(10) == 1
    assert (outbox.waiting, stage.open) == (0, 0)
