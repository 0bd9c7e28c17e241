"""A new publisher changes nothing of what the operator has counted."""

from itertools import count

import msgspec
from one_tick_at_a_time import NOON, tick
from richesreach.core.events.accounting import StageAccount
from richesreach.core.events.schemas import Heartbeat, Numbers, TickBatch
from richesreach.stream import snapshot
from richesreach.stream.accounts import accounts_of
from richesreach.stream.held import Held
from richesreach.stream.partition import Partition


def batch(epoch: int, *numbers: int) -> bytes:
    ticks = [tick("A", number, NOON + number) for number in numbers]
    return msgspec.json.encode(
        TickBatch(source="x", venue="XNAS", licence="internal", ticks=ticks, epoch=epoch)
    )


def term(epoch: int, last: int) -> bytes:
    """Its numbers begin with it, as it says."""
    numbers = {"x": Numbers(began=NOON + epoch, last={"A": last})}
    return msgspec.json.encode(Heartbeat(member=str(epoch), epoch=epoch, time=0, numbers=numbers))


def account(partition: Partition) -> StageAccount:
    return next(iter(accounts_of(Held(0, partition, 1), "a")))


def test_what_was_missing_before_a_new_term_is_missing_after_it() -> None:
    partition, offsets = Partition(), count()

    def take(*values: bytes) -> tuple[int, int]:
        partition.take([(next(offsets), value) for value in values])
        found = account(partition)
        return found.received, found.missing

    assert take(term(1, 0), batch(1, 1, 2, 5)) == (3, 2)
    assert take(term(2, 5)) == (3, 2)
    assert take(batch(2, 6, 7)) == (5, 2)
    assert take(batch(2, 3)) == (6, 1), "a gap of an earlier term can still be filled"
    assert take(term(3, 7), batch(2, 8, 9), batch(3, 8)) == (7, 1), "what is void has no numbers"
    assert take(batch(3, 10)) == (8, 2)


def test_it_is_missing_after_a_snapshot_and_a_new_term_too() -> None:
    partition = Partition()
    partition.take([(0, term(1, 0)), (1, batch(1, 1, 4))])
    body = snapshot.body(snapshot.captured({0: partition}))
    resumed = snapshot.restored("a test", snapshot.head(body) + body)[0]
    resumed.take([(2, term(2, 4)), (3, batch(2, 5))])
    assert (account(resumed).received, account(resumed).missing) == (3, 2)
