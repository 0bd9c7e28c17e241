"""An output that cannot be made is never taken for one that the brokers have."""

from collections.abc import Iterator

import pytest
from richesreach.stream.outbox import Outbox, Stage
from richesreach.stream.outputs import Identity, Output


def outputs(bad: int | None) -> Iterator[Output]:
    for number in range(4):
        if number == bad:
            raise ValueError(number)
        yield Output(Identity(0, 1, number), "AAPL", b"a bar", None)


@pytest.mark.parametrize("bad", [0, 2, 3])
def test_a_stage_whose_output_cannot_be_made_stays_open(bad: int) -> None:
    """Its connection is of no server: without bars nothing goes there."""
    outbox, stage = Outbox({"bootstrap.servers": "127.0.0.1:1"}, bars=False), Stage()
    outbox.put(outputs(bad), 4, stage)
    with pytest.raises(ValueError, match=str(bad)):
        outbox.send(100)
    outbox.flush(1)
    assert stage.open > 0


def test_a_stage_is_closed_once_all_its_outputs_are_sent() -> None:
    outbox, stage = Outbox({"bootstrap.servers": "127.0.0.1:1"}, bars=False), Stage()
    outbox.put(outputs(None), 4, stage)
    assert (outbox.send(3), stage.open, outbox.waiting) == (3, 1, 1)
    assert (outbox.send(3), stage.open, outbox.waiting) == (1, 0, 0)
