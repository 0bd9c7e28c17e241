"""So many at a time, first come, first served, and nobody who left keeps a slot."""

import asyncio

import pytest
from richesreach.ai_router.providers.slots import Slots


async def waiting(slots: Slots, came: list[str], name: str) -> None:
    await slots.wait()
    came.append(name)


async def test_whoever_waits_gets_the_slots_that_others_leave_in_the_order_in_which_they_came() -> None:
    slots, came = Slots(2), list[str]()
    assert [slots.at_once() for _ in range(3)] == [True, True, False]
    tasks = [asyncio.create_task(waiting(slots, came, name)) for name in "abc"]
    await asyncio.sleep(0)
    slots.leave()
    slots.leave()
    await asyncio.wait(tasks[:2], timeout=30)
    assert came == ["a", "b"]
    assert not slots.at_once()
    slots.leave()
    await asyncio.wait_for(tasks[2], 30)


async def test_a_slot_that_was_given_to_somebody_who_left_is_the_next_ones() -> None:
    slots, came = Slots(1), list[str]()
    assert slots.at_once()
    gone = asyncio.create_task(waiting(slots, came, "gone"))
    next_one = asyncio.create_task(waiting(slots, came, "next"))
    await asyncio.sleep(0)
    slots.leave()
    gone.cancel()  # in the same turn of the loop: the slot is already its own
    with pytest.raises(asyncio.CancelledError):
        await gone
    await asyncio.wait_for(next_one, 30)
    assert came == ["next"]


async def test_who_leaves_the_line_is_given_nothing() -> None:
    slots, came = Slots(1), list[str]()
    assert slots.at_once()
    gone = asyncio.create_task(waiting(slots, came, "gone"))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    slots.leave()
    assert (slots.at_once(), slots.at_once()) == (True, False)


async def test_who_leaves_while_a_slot_is_given_up_is_passed_over() -> None:
    slots, came = Slots(1), list[str]()
    assert slots.at_once()
    gone = asyncio.create_task(waiting(slots, came, "gone"))
    next_one = asyncio.create_task(waiting(slots, came, "next"))
    await asyncio.sleep(0)
    gone.cancel()
    slots.leave()  # in the same turn of the loop: the one who left is still first in line
    with pytest.raises(asyncio.CancelledError):
        await gone
    await asyncio.wait_for(next_one, 30)
    assert came == ["next"]


async def test_nobody_who_left_stays_in_line() -> None:
    slots, came = Slots(1), list[str]()
    assert slots.at_once()
    tries = [asyncio.create_task(waiting(slots, came, "gone")) for _ in range(50)]
    await asyncio.sleep(0)
    for each in tries:
        each.cancel()
    await asyncio.wait(tries)
    assert not slots._waiting
