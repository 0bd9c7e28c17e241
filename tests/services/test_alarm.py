"""The end of a request's time: rung in order, for those who still wait, and never for a task of others."""

import asyncio

import pytest
from richesreach.core.resilience import timers
from richesreach.core.resilience.alarm import Alarm, Alarms
from richesreach.core.resilience.timers import Timer, Timers

SECONDS = 0.02


@pytest.fixture(params=["shared", "alone"], autouse=True)
def timers_are(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether alarms of one length share a timer of the loop."""
    if request.param == "alone":
        monkeypatch.setattr(timers, "MOST_QUEUES", 0)
    return str(request.param)


async def wait(alarms: Alarms, rang: list[str], name: str) -> None:
    found = alarms.alarm(SECONDS)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        if found.rang and found.silence():
            rang.append(name)
        else:
            raise


async def test_each_waiting_task_is_ended_in_the_order_in_which_they_began() -> None:
    alarms, rang = Alarms(), list[str]()
    waiting = []
    for name in "abc":
        waiting.append(asyncio.create_task(wait(alarms, rang, name)))
        await asyncio.sleep(0.005)
    await asyncio.wait_for(asyncio.gather(*waiting), 30)
    assert rang == ["a", "b", "c"]


async def test_a_stopped_alarm_lets_its_task_go_on() -> None:
    alarms, rang = Alarms(), list[str]()
    stopped = alarms.alarm(SECONDS)
    stopped.stop()
    await wait_in_a_task(alarms, rang)  # a later one has rung by now
    assert (stopped.rang, rang) == (False, ["later"])


async def wait_in_a_task(alarms: Alarms, rang: list[str]) -> None:
    await asyncio.wait_for(asyncio.create_task(wait(alarms, rang, "later")), 30)


async def test_a_task_that_others_end_too_stays_ended() -> None:
    alarms, rang = Alarms(), list[str]()
    task = asyncio.create_task(wait(alarms, rang, "mine"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert rang == []


def test_an_alarm_on_a_new_loop_rings_whatever_became_of_the_one_before() -> None:
    alarms, rang = Alarms(), list[str]()

    async def leave() -> Alarm:
        return alarms.alarm(SECONDS)

    asyncio.run(leave())
    asyncio.run(wait_in_a_task(alarms, rang))
    assert rang == ["later"]


async def test_what_takes_longer_than_its_limit_is_a_time_out_and_its_task_goes_on() -> None:
    alarms = Alarms()
    for _ in range(3):
        with pytest.raises(TimeoutError), alarms.limit(SECONDS):
            await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_what_ends_in_time_or_fails_by_itself_is_no_time_out() -> None:
    alarms = Alarms()
    with alarms.limit(SECONDS):
        await asyncio.sleep(0)
    with pytest.raises(KeyError), alarms.limit(SECONDS):
        raise KeyError
    await asyncio.sleep(3 * SECONDS)


async def test_whoever_is_cancelled_within_a_limit_is_cancelled() -> None:
    alarms = Alarms()

    async def limited() -> None:
        with alarms.limit(30):
            await asyncio.Event().wait()

    task = asyncio.create_task(limited())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Telling(Timer):
    """Says which it was."""

    def __init__(self, rang: list[float], name: float) -> None:
        self._rang, self._name = rang, name

    def ring(self) -> None:
        self._rang.append(self._name)


async def test_timers_of_several_lengths_ring_each_in_its_time() -> None:
    several, rang, loop = Timers(), list[float](), asyncio.get_running_loop()
    for seconds in (0.06, 0.02, 0.04):
        for _ in range(3):
            several.begin(Telling(rang, seconds), seconds, loop)
    stopped = Telling(rang, -1)
    several.begin(stopped, 0.02, loop)
    stopped.stop()
    await asyncio.sleep(0.2)
    assert rang == [0.02] * 3 + [0.04] * 3 + [0.06] * 3
