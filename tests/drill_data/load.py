"""Callers of a gateway's tasks, and what became of each of their requests."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import aiohttp

# Seconds. A viewer's client waits about as long.
PATIENCE = 10.0
QUERY = '{ symbol(name: "%s") { name currentPrice } engines { id } }'
SYMBOLS = ("AAPL", "MSFT", "NVDA", "BTC-USD", "SPY")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request. `status` is 0 where no answer came; `handled`: the answer is a problem of ours."""

    kind: str
    began: float
    ended: float
    status: int
    handled: bool
    note: str = ""

    @property
    def good(self) -> bool:
        return 0 < self.status < 500


@dataclass
class Load:
    """`callers` at a time, each with a `pause` (seconds) between its requests, against all `tasks` in turn.

    Each writes a beacon, reads one that was acknowledged before, and asks for a symbol through the cache.
    """

    tasks: list[str]
    callers: int = 8
    pause: float = 0.05
    outcomes: list[Outcome] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    _ending: bool = False

    def end(self) -> None:
        self._ending = True

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await asyncio.gather(*(self._caller(session, number) for number in range(self.callers)))

    async def _caller(self, session: aiohttp.ClientSession, number: int) -> None:
        first = number % len(self.tasks)
        tasks = itertools.cycle(self.tasks[first:] + self.tasks[:first])
        for turn in itertools.count(number):
            if self._ending:
                return
            task = next(tasks)
            wrote = await self._write(session, task, number)
            await asyncio.sleep(self.pause)
            await self._read(session, next(tasks), wrote)
            await asyncio.sleep(self.pause)
            await self._ask(session, task, SYMBOLS[turn % len(SYMBOLS)])
            await asyncio.sleep(self.pause)

    async def _write(self, session: aiohttp.ClientSession, task: str, number: int) -> str | None:
        """The id that was acknowledged, if one was."""

        def take(body: object) -> str:
            assert isinstance(body, dict)
            self.acknowledged.append(body["id"])
            return ""

        before = len(self.acknowledged)
        url, said = f"{task}/api/topology/beacons", {"message": f"drill {number}"}
        await self._send(session, "write", "POST", url, take, json=said)
        return self.acknowledged[-1] if len(self.acknowledged) > before else None

    async def _read(self, session: aiohttp.ClientSession, task: str, wrote: str | None) -> None:
        found = wrote or (self.acknowledged[0] if self.acknowledged else None)
        if found is not None:
            await self._send(session, "read", "GET", f"{task}/api/topology/beacons/{found}", lambda _: "")

    async def _ask(self, session: aiohttp.ClientSession, task: str, symbol: str) -> None:
        def look(body: object) -> str:
            assert isinstance(body, dict)
            return str(body["errors"]) if body.get("errors") else ""

        await self._send(session, "cached", "POST", f"{task}/graphql", look, json={"query": QUERY % symbol})

    async def _send(
        self,
        session: aiohttp.ClientSession,
        kind: str,
        method: str,
        url: str,
        look: Callable[[object], str],
        *,
        json: object = None,
    ) -> None:
        began, status, handled, note = time.monotonic(), 0, False, ""
        try:
            async with session.request(method, url, json=json) as answer:
                body = await answer.json(content_type=None)
                status = answer.status
                handled = answer.content_type == "application/problem+json"
                note = look(body) if status < 300 else str(body.get("detail", body))
        except (aiohttp.ClientError, TimeoutError) as error:
            note = type(error).__name__
        self.outcomes.append(Outcome(kind, began, time.monotonic(), status, handled, note))


def statuses(outcomes: Iterable[Outcome], kind: str) -> dict[int, int]:
    """How many of one kind had which status; those that found an error in a good answer count as -1."""
    return dict(
        sorted(
            Counter(
                -1 if found.good and found.status < 300 and found.note else found.status
                for found in outcomes
                if found.kind == kind
            ).items()
        )
    )


def longest_gap(outcomes: Iterable[Outcome], kind: str) -> float:
    """Seconds between two good answers, at most: for so long nobody had one."""
    ends = sorted(found.ended for found in outcomes if found.kind == kind and found.good and not found.note)
    return max((later - earlier for earlier, later in itertools.pairwise(ends)), default=0.0)


def median_ms(outcomes: Iterable[Outcome], kind: str, share: float = 0.5) -> float:
    """Milliseconds within which a share of one kind's requests ended."""
    took = sorted(found.ended - found.began for found in outcomes if found.kind == kind)
    return took[min(len(took) - 1, int(share * len(took)))] * 1000 if took else 0.0
