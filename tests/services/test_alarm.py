"""The end of a request's time: rung in order, for those who still wait, and never for a task of others."""

import asyncio

import pytest
from richesreach.core.resilience import alarm
from richesreach.core.resilience.alarm import Alarm, Alarms


@pytest.fixture(params=["the longest", "a shorter one"])
def seconds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """A time after which an alarm rings, by either kind of timer."""
    if request.param == "the longest":
        monkeypatch.setattr(alarm, "LONGEST", 0.02)
    return 0.02


async def wait(alarms: Alarms, seconds: float, rang: list[str], name: str) -> None:
    found = alarms.after(seconds)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        if found.rang and found.silence():
            rang.append(name)
        else:
            raise


async def test_each_waiting_task_is_ended_in_the_order_in_which_they_began(seconds: float) -> None:
    alarms, rang = Alarms(), list[str]()
    waiting = []
    for name in "abc":
        waiting.append(asyncio.create_task(wait(alarms, seconds, rang, name)))
        await asyncio.sleep(0.005)
    await asyncio.wait_for(asyncio.gather(*waiting), 30)
    assert rang == ["a", "b", "c"]


async def test_a_stopped_alarm_lets_its_task_go_on(seconds: float) -> None:
    alarms, rang = Alarms(), list[str]()
    stopped = alarms.after(seconds)
    stopped.stop()
    await wait_in_a_task(alarms, seconds, rang)  # a later one has rung by now
    assert (stopped.rang, rang) == (False, ["later"])


async def wait_in_a_task(alarms: Alarms, seconds: float, rang: list[str]) -> None:
    await asyncio.wait_for(asyncio.create_task(wait(alarms, seconds, rang, "later")), 30)


async def test_a_task_that_others_end_too_stays_ended(seconds: float) -> None:
    alarms, rang = Alarms(), list[str]()
    task = asyncio.create_task(wait(alarms, seconds, rang, "mine"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert rang == []


def test_an_alarm_on_a_new_loop_rings_whatever_became_of_the_one_before(seconds: float) -> None:
    alarms, rang = Alarms(), list[str]()

    async def leave() -> Alarm:
        return alarms.after(seconds)

    asyncio.run(leave())
    asyncio.run(wait_in_a_task(alarms, seconds, rang))
    assert rang == ["later"]
