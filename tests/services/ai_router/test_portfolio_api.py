"""Portfolios over HTTP: the event loop stays free, and a process that is slow or dies is replaced."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from richesreach.ai_router.tasks import processes, wiring
from richesreach.ai_router.tasks.portfolio.api import MODULE
from richesreach.ai_router.tasks.processes import BrokenError, BusyError, Processes, TooLongError
from richesreach.core import problems
from richesreach.core.auth.callers import current_identity
from richesreach.core.auth.identity import Identity

BODY = {
    "assets": ["AAPL", "TLT"],
    "objective": "min_variance",
    "covariance": [[0.04, 0.0], [0.0, 0.01]],
}

#: A process that answers `echo`, sleeps, dies, or burns its processor for good, as it is told.
PROBE = """
import os, sys, time
from richesreach.ai_router.tasks.processes import read_request, write_answer
while (body := read_request(sys.stdin.buffer)) is not None:
    if body == b"die":
        os._exit(1)
    while body == b"burn":
        pass
    write_answer(sys.stdout.buffer, b"%d " % os.getpid() + body)
"""


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """The routes of the tasks alone, and a caller who may use them."""
    app = FastAPI()
    problems.install(app)
    wiring.install(app)
    app.dependency_overrides[current_identity] = caller_who_may
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ai-router") as found:
        yield found
    await app.state.portfolios.close()


async def caller_who_may() -> Identity:
    return Identity.with_roles("user-1", frozenset({"viewer"}), "user")


async def test_answer_is_the_portfolio(client: httpx.AsyncClient) -> None:
    answer = await client.post("/ai/optimize/portfolio", json=BODY)
    assert answer.status_code == 200
    holdings = {found["asset"]: found["weight"] for found in answer.json()["holdings"]}
    assert holdings == pytest.approx({"AAPL": 0.2, "TLT": 0.8}, abs=1e-6)


async def test_conflict_is_a_problem_that_names_the_constraints(client: httpx.AsyncClient) -> None:
    answer = await client.post("/ai/optimize/portfolio", json={**BODY, "constraints": {"max_weight": 0.3}})
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert body["type"] == "urn:richesreach:problem:infeasible"
    assert body["conflicts"] == ["budget: the weights sum to 1", "max_weight: no weight is above 0.3"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"{", 400, "malformed-json"),
        (b'{"assets": ["A"], "covariance": [[NaN]]}', 400, "malformed-json"),
        (b'{"assets": ["A"], "covariance": [[1, 2]]}', 422, "invalid-request"),
        (b'{"assets": ["A"], "covariance": [[-1]]}', 422, "invalid-request"),
    ],
)
async def test_wrong_body_is_a_problem(
    body: bytes, status: int, kind: str, client: httpx.AsyncClient
) -> None:
    answer = await client.post("/ai/optimize/portfolio", content=body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:richesreach:problem:{kind}")


async def test_event_loop_turns_while_a_large_portfolio_is_solved(client: httpx.AsyncClient) -> None:
    count = 250
    matrix = [[0.5 if i == j else 0.01 for j in range(count)] for i in range(count)]
    large = {"assets": [f"A{n}" for n in range(count)], "objective": "risk_parity", "covariance": matrix}
    turns, solving = 0, asyncio.create_task(client.post("/ai/optimize/portfolio", json=large))
    while not solving.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert (await solving).status_code == 200
    assert turns > 10


def test_service_does_not_import_what_the_process_does() -> None:
    code = (
        "import sys; import richesreach.ai_router.tasks.wiring;"
        "print([name for name in ('scipy', 'clarabel') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=processes.PACKAGES, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# ---------------------------------------------------------------- the processes
@pytest.fixture
async def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Processes]:
    (tmp_path / "task_probe.py").write_text(PROBE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(processes, "GRACE", 0.0)
    found = Processes("task_probe", size=1, waiting=1)
    yield found
    await found.close()


async def pid(probe: Processes) -> int:
    return int((await probe.ask(b"echo", 30)).split()[0])


def lives(process: int) -> bool:
    """Whether it runs, also where nobody has asked for its exit status yet."""
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    except FileNotFoundError:
        return False


async def test_one_process_serves_one_request_after_the_other(probe: Processes) -> None:
    assert await pid(probe) == await pid(probe)


async def test_work_that_takes_too_long_is_ended_with_its_process(probe: Processes) -> None:
    before = await pid(probe)
    with pytest.raises(TooLongError):
        await probe.ask(b"burn", 0.2)
    assert await pid(probe) != before
    assert not lives(before)


async def test_process_that_dies_is_told_and_another_takes_its_place(probe: Processes) -> None:
    with pytest.raises(BrokenError):
        await probe.ask(b"die", 30)
    assert await pid(probe) > 0


async def test_process_that_died_idle_is_replaced_unseen(probe: Processes) -> None:
    before = await pid(probe)
    os.kill(before, signal.SIGKILL)
    while lives(before):  # noqa: ASYNC110  (the end of another process is no event here)
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # the event loop hears of it
    assert await pid(probe) != before


async def test_caller_who_leaves_ends_the_work_that_was_for_it(probe: Processes) -> None:
    before = await pid(probe)
    work = asyncio.create_task(probe.ask(b"burn", 60))
    await asyncio.sleep(0.1)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await pid(probe) != before


async def test_more_than_may_wait_are_refused_at_once(probe: Processes) -> None:
    works = [asyncio.create_task(probe.ask(b"burn", 60)) for _ in range(2)]
    await asyncio.sleep(0.1)
    with pytest.raises(BusyError):
        await probe.ask(b"echo", 60)
    for work in works:
        work.cancel()
    await asyncio.gather(*works, return_exceptions=True)
    assert await pid(probe) > 0


async def test_processes_end_when_nobody_is_left_to_ask() -> None:
    work = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        MODULE,
        cwd=processes.PACKAGES,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert work.stdin is not None
    work.stdin.write(json.dumps(BODY).encode()[:3])  # not even a whole length
    work.stdin.close()
    assert await work.wait() == 0
