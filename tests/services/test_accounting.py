"""Every stage tells what it took, and whoever asks sees all stages of the region."""

import time

import msgspec
import pytest
from cache_servers import CacheServer
from richesreach.core.cache import CacheUnavailableError, Nodes
from richesreach.core.events.accounting import (
    EVERY,
    KEPT,
    MOST_NAMED,
    SILENT,
    Stage,
    StageAccount,
    Teller,
    account_of,
    read,
    summed,
    write,
)
from richesreach.core.events.ledger import Ledger

SECOND = 1_000_000_000


def operator(partition: int, **told: int) -> StageAccount:
    return StageAccount(stage="operator", member="task-a", source="generator", partition=partition, **told)


async def told(nodes: Nodes) -> None:
    """Wait for the first account."""
    ends = time.monotonic() + 60
    while not await read(nodes):
        assert time.monotonic() < ends, "nothing is told"


async def test_what_was_told_is_read_by_stage(nodes: Nodes) -> None:
    lake = StageAccount(stage="lake", member="b", source="massive", partition=3, missing=2, lost={"AAPL": 2})
    await write(nodes, [lake, operator(0, received=7), operator(1, received=8)])
    found = await read(nodes)
    assert [(one.stage, one.partition, one.received) for one in found if one.stage == "operator"] == [
        ("operator", 0, 7),
        ("operator", 1, 8),
    ]
    assert found[-1] == msgspec.structs.replace(lake, at=found[-1].at)


async def test_who_takes_a_partition_over_writes_over_its_predecessor(nodes: Nodes) -> None:
    await write(nodes, [operator(0, received=7)])
    await write(nodes, [msgspec.structs.replace(operator(0, received=9), member="task-b")])
    (found,) = summed(await read(nodes), time.time_ns())
    assert (found.members, found.received) == (("task-b",), 9)


def stage(name: Stage, missing: int, *, reached: int = 100, since: int = 0) -> StageAccount:
    """Of two symbols, counted after the numbers whose sum is `since`."""
    return StageAccount(
        stage=name,
        member="a",
        source="massive",
        received=reached - since - missing,
        missing=missing,
        reached=reached,
        symbols=2,
    )


def here(*accounts: StageAccount) -> dict[str, int]:
    return {one.stage: one.here for one in summed(accounts, 0)}


def test_a_lost_tick_is_lost_in_one_place() -> None:
    found = here(
        stage("source", 0),
        stage("published", 3),
        stage("operator", 5),
        stage("features", 5),
        stage("lake", 3),
    )
    assert found == {"source": 0, "published": 3, "operator": 2, "features": 0, "lake": 0}


def test_what_the_lake_has_lost_is_not_the_operators() -> None:
    found = here(stage("published", 0), stage("operator", 5), stage("features", 5), stage("lake", 4))
    assert found == {"published": 0, "operator": 5, "features": 0, "lake": 4}


def test_a_stage_that_began_later_is_forgiven_nothing() -> None:
    assert here(stage("published", 3), stage("lake", 2, since=40)) == {"published": 3, "lake": 2}


def test_a_stage_that_misses_less_than_the_one_before_it_is_forgiven_nothing() -> None:
    assert here(stage("published", 3), stage("lake", 2)) == {"published": 3, "lake": 2}


def test_after_a_silent_stage_the_one_before_it_counts() -> None:
    assert here(stage("published", 3), stage("features", 4)) == {"published": 3, "features": 1}


async def test_a_stage_tells_by_itself_and_once_more_at_its_end(nodes: Nodes) -> None:
    numbers = iter(range(1, 1000))
    teller = Teller(nodes, lambda: [operator(0, received=next(numbers))], every=60)
    teller.open()
    await told(nodes)
    await teller.close()
    (found,) = await read(nodes)
    assert found.received == 2


async def test_a_stage_that_cannot_say_what_it_has_goes_on(nodes: Nodes) -> None:
    said = iter([ValueError("not now"), None])

    def accounts() -> list[StageAccount]:
        error = next(said)
        if error is not None:
            raise error
        return [operator(0)]

    teller = Teller(nodes, accounts, every=0)
    teller.open()
    await told(nodes)
    said = iter([None])
    await teller.close()


async def test_accounts_end_with_the_stage(nodes: Nodes, lone_cache: CacheServer) -> None:
    await write(nodes, [operator(0)])
    assert 0 < int(lone_cache.command("TTL", "accounts:operator").strip().removeprefix(":")) <= KEPT


async def test_accounts_of_an_unknown_form_are_passed_over(nodes: Nodes) -> None:
    await write(nodes, [operator(0)])
    await nodes.write_value(
        lambda wire: wire.call("HSET", "accounts:operator", "x/1", b'{"stage":"warehouse"}')
    )
    await nodes.write_value(lambda wire: wire.call("HSET", "accounts:operator", "x/2", b"\xff"))
    assert len(await read(nodes)) == 1


async def test_without_a_cache_a_teller_waits_and_a_reader_is_told(
    lone_cache: CacheServer, nodes: Nodes
) -> None:
    lone_cache.stop()
    teller = Teller(nodes, lambda: [operator(0)], every=60)
    teller.open()
    await teller.close()
    with pytest.raises(CacheUnavailableError):
        await read(nodes)


def test_partitions_of_a_source_are_one_sum() -> None:
    at = 100 * SECOND
    one = operator(0, received=5, missing=1, duplicates=2, reached=6, symbols=2, newest=7, at=at)
    two = operator(1, received=1, late=1, refused=3, reached=1, symbols=1, newest=9, at=at + 1)
    (found,) = summed([one, two], at)
    assert (found.received, found.missing, found.duplicates, found.late) == (6, 1, 2, 1)
    assert (found.refused, found.reached, found.symbols, found.newest) == (3, 7, 3, 9)
    assert (found.at, found.silent) == (at, False)


def test_sums_are_in_the_order_in_which_ticks_come_by() -> None:
    told = [StageAccount(stage=stage, member="a", source="s") for stage in ("lake", "published", "source")]
    assert [found.stage for found in summed(told, 0)] == ["source", "published", "lake"]


def test_a_member_that_no_longer_tells_makes_its_stage_silent() -> None:
    now = 1000 * SECOND
    quiet, awake = operator(0, at=now - int(SILENT * SECOND) - 1), operator(1, at=now)
    assert [found.silent for found in summed([quiet, awake], now)] == [True]
    assert [found.silent for found in summed([awake], now)] == [False]


def test_a_source_counted_as_a_whole_and_by_partition_counts_as_told_later() -> None:
    whole = StageAccount(stage="operator", member="a", source="generator", received=100, at=1)
    (found,) = summed([whole, operator(0, received=40, at=2), operator(1, received=50, at=2)], 2)
    assert found.received == 90


def test_a_ledger_is_told_with_the_symbols_that_lost_most() -> None:
    ledger = Ledger()
    for number in (1, 2, 5, 5):
        ledger.take("massive", "AAPL", number)
    ledger.take("massive", "MSFT", 2)
    ledger.take("finnhub", "AAPL", 9)
    found = account_of(ledger, stage="lake", member="a", source="massive", partition=2, late=1, newest=8)
    assert (found.received, found.missing, found.duplicates) == (4, 3, 1)
    assert (found.reached, found.symbols, found.late, found.newest) == (7, 2, 1, 8)
    assert found.lost == {"AAPL": 2, "MSFT": 1}


def test_only_the_worst_symbols_are_named() -> None:
    ledger = Ledger()
    for index in range(MOST_NAMED + 5):
        ledger.take("massive", f"S{index}", index + 2)
    found = account_of(ledger, stage="lake", member="a", source="massive")
    assert len(found.lost) == MOST_NAMED
    assert next(iter(found.lost)) == f"S{MOST_NAMED + 4}"


def test_silence_is_longer_than_what_passes_between_two_accounts() -> None:
    assert SILENT > 3 * EVERY
