"""Closed bars as the messages of the topics."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from one_tick_at_a_time import NOON, message, tick
from richesreach.core.events.scaled import unscaled
from richesreach.core.events.schemas import Bar, Indicator
from richesreach.stream.definitions import INDICATORS, SECOND
from richesreach.stream.outputs import Identity, Output, Unseen, outputs
from richesreach.stream.partition import Partition


def made_by(seconds: int, price: int = 10**8, size: int = 3) -> list[Output]:
    """Outputs of one symbol with a tick a second, each in a message of its own."""
    partition, made = Partition(), list[Output]()
    for second in range(seconds):
        ticks = [tick("AAPL", second, NOON + second * SECOND, price + second, size)]
        for closing in partition.take([message(second, "x", ticks)]).closings:
            made += outputs(4, partition, closing)
    return made


def test_a_bar_has_exact_decimals_and_a_volume_weighted_price() -> None:
    partition = Partition()
    ticks = [tick("AAPL", 1, NOON, 3 * 10**8 + 1, 2 * 10**8), tick("AAPL", 2, NOON + 1, 10**8, 10**8)]
    taken = partition.take([message(0, "x", [*ticks, tick("MSFT", 1, NOON + 9 * SECOND)])])
    (output,) = [one for closing in taken.closings for one in outputs(4, partition, closing)]
    assert msgspec.json.decode(output.bar, type=Bar) == Bar(
        symbol="AAPL",
        interval="1s",
        start=NOON,
        end=NOON + SECOND,
        open=Decimal("3.00000001"),
        high=Decimal("3.00000001"),
        low=Decimal(1),
        close=Decimal(1),
        volume=Decimal(3),
        ticks=2,
        vwap=Decimal("2.33333334"),
    )


def bar_of(price: int, size: int, ticks: int) -> Bar:
    """As it is for ticks of one price and size."""
    return Bar(
        symbol="BRK.B",
        interval="1s",
        start=NOON,
        end=NOON + SECOND,
        open=unscaled(price),
        high=unscaled(price),
        low=unscaled(price),
        close=unscaled(price),
        volume=unscaled(size * ticks),
        ticks=ticks,
        vwap=unscaled(price) if size else None,
    )


@pytest.mark.parametrize("size", [0, 1, 99, 100, 10**8, 2**61, 2**62 - 1])
@pytest.mark.parametrize("price", [-(10**9), -1, 0, 1, 99, 100, 10**8 - 1, 10**8, 123_456_789_012, 2**62])
def test_a_bar_is_to_the_byte_what_its_schema_makes_of_it(price: int, size: int) -> None:
    for count in (1, 3):
        partition = Partition()
        ticks = [tick("BRK.B", number, NOON + number, price, size) for number in range(count)]
        taken = partition.take([message(0, "x", [*ticks, tick("MSFT", 1, NOON + 9 * SECOND)])])
        (output,) = [one for closing in taken.closings for one in outputs(4, partition, closing)]
        assert output.bar == msgspec.json.encode(bar_of(price, size, count))


def test_a_bar_without_volume_has_no_volume_weighted_price() -> None:
    assert msgspec.json.decode(made_by(4, size=0)[0].bar, type=Bar).vwap is None


def test_indicators_come_with_the_first_that_has_a_value_and_by_name() -> None:
    seconds = [one for one in made_by(60) if msgspec.json.decode(one.bar, type=Bar).interval == "1s"]
    assert [one.indicator is not None for one in seconds[:13]] == [False] * 11 + [True, True]
    assert seconds[11].indicator is not None
    first = msgspec.json.decode(seconds[11].indicator, type=Indicator)
    assert (first.interval, first.time, list(first.values)) == ("1s", NOON + 12 * SECOND, ["ema_12"])
    assert seconds[-1].indicator is not None
    last = msgspec.json.decode(seconds[-1].indicator, type=Indicator)
    assert set(last.values) == {indicator.name for indicator in INDICATORS}


def test_an_output_is_known_by_the_message_that_closed_it() -> None:
    made = made_by(70)
    assert made[0].identity == Identity(4, 3, 0)
    # The message of second 62 closes second 59 and the minute.
    assert [one.identity for one in made if one.identity.offset == 62] == [
        Identity(4, 62, 0),
        Identity(4, 62, 1),
    ]


def test_what_comes_again_is_known_by_its_id() -> None:
    unseen = Unseen()
    ids = [Identity(0, 5, 0), Identity(1, 2, 0), Identity(0, 5, 1), Identity(0, 5, 0), Identity(0, 6, 0)]
    assert [unseen.admit(one) for one in ids] == [True, True, True, False, True]


def test_the_probe_of_the_operator_runs() -> None:
    program = [sys.executable, str(Path(__file__).with_name("operator_probe.py"))]
    small = ["--symbols", "50", "--rate", "1000", "--seconds", "5", "--partitions", "2"]
    said = subprocess.run([*program, *small], capture_output=True, text=True, check=True).stdout
    assert said.startswith("5,000 ticks in 100 batches; ")
    assert "ticks/s; a batch: p50" in said
