"""The region's limiter: one Lua call to the cache's server for all who ask at a time, after the fact for who
has plenty left, and the process's own count without a server.
"""

import asyncio
import functools
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import NoScriptError

from richesreach.core.cache.nodes import CacheUnavailableError, Nodes
from richesreach.core.cache.scripts import Script
from richesreach.core.cache.wire import Wire
from richesreach.core.limits.gcra import MICROSECONDS, Account, Decision, LocalLimits, Tier
from richesreach.core.limits.questions import Counted, Met, Question, Questions, Turn

# Seconds for which what is owed may wait for more of it.
PAUSE = 0.01

# KEYS: the callers'. ARGV: the time to take for now (tests; else, for 0, the server's own), then interval,
# tolerance and cost of each, and 1 where the cost is owed: it was admitted before, and counts in any case.
# All in microseconds. Answers for each whether it is admitted, what remains, the microseconds until the whole
# burst is there again, and by how much the request was early, in one list. The same as `gcra.decide`.
SCRIPT = Script("""
local now, found = tonumber(ARGV[1]), {}
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
for i, key in ipairs(KEYS) do
  local interval, tolerance = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1])
  local cost, owed = tonumber(ARGV[4 * i]), ARGV[4 * i + 1] == '1'
  local before = math.max(tonumber(redis.call('GET', key) or '0'), now)
  local after = before + cost * interval
  local early = after - now - tolerance
  local arrival = before
  if early <= 0 or owed then
    arrival = after
    if cost > 0 then
      redis.call('SET', key, string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000) + 1000)
    end
  end
  found[#found + 1] = early <= 0 and 1 or 0
  found[#found + 1] = math.floor(math.max(0, tolerance - (arrival - now)) / interval)
  found[#found + 1] = arrival - now
  found[#found + 1] = math.max(0, early)
end
return found
""")


@functools.lru_cache(maxsize=8192)
def _key(caller: str, tier: str) -> str:
    return f"limit:{tier}:{hashlib.blake2b(caller.encode(), digest_size=16).hexdigest()}"


class SharedCounts:
    """The counts that all tasks of the region have in common, on the first node that takes writes."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    async def ask(self, questions: Sequence[Question], now: int = 0) -> list[Counted]:
        """Raises CacheUnavailableError."""
        names, arguments = _words(questions, now)
        return self.read(await self._nodes.write_directly(lambda node: SCRIPT.run(node, names, arguments)))

    def send(self, questions: Sequence[Question], turn: Turn[Question, Counted]) -> bool:
        turn.where = wire = self._nodes.ready()
        if wire is None:
            return False
        names, arguments = _words(questions, 0)
        return wire.send(("EVALSHA", SCRIPT.hash, len(names), *names, *arguments), turn)

    def read(self, answer: Any) -> list[Counted]:
        return [tuple(answer[first : first + 4]) for first in range(0, len(answer), 4)]

    async def after(self, questions: Sequence[Question], met: Met) -> list[Counted]:
        """As if `write_directly` had made the direct call: what was met counts for that node."""
        if isinstance(met.error, NoScriptError):
            return await self.ask(questions)
        names, arguments = _words(questions, 0)

        async def ask(node: Wire) -> Any:
            if node is met.where:
                raise met.error
            return await SCRIPT.run(node, names, arguments)

        return self.read(await self._nodes.write_directly(ask))


class Asked:
    """Who waits for a decision. What the server says is known before anything else of it is."""

    __slots__ = ("_account", "_future", "_limiter", "_tier")

    def __init__(
        self, limiter: "Limiter", account: Account, tier: Tier, future: "asyncio.Future[Counted]"
    ) -> None:
        self._limiter = limiter
        self._account = account
        self._tier = tier
        self._future = future
        account.asked += 1

    def done(self) -> bool:
        return False  # also where its caller gave up: what was taken is taken

    def set_result(self, counted: Counted) -> None:
        self._account.asked -= 1
        self._account.learn(self._tier, counted[2], self._limiter.now())
        if not self._future.done():
            self._future.set_result(counted)

    def set_exception(self, error: Exception) -> None:
        self._account.asked -= 1
        if not self._future.done():
            self._future.set_exception(error)


class Owed:
    """What was admitted before, and nobody waits for."""

    __slots__ = ("_account", "_cost", "_limiter", "_tier")

    def __init__(self, limiter: "Limiter", account: Account, tier: Tier, cost: int) -> None:
        self._limiter = limiter
        self._account = account
        self._tier = tier
        self._cost = cost

    def done(self) -> bool:
        return False

    def set_result(self, counted: Counted) -> None:
        self._account.learn(self._tier, counted[2], self._limiter.now(), self._cost)

    def set_exception(self, _error: Exception) -> None:
        self._account.lose(self._cost)


class Limiter:
    """Counts callers of all tasks of the region together; each task alone while the cache does not answer.

    A caller who was asked about just now and has more than half of the burst left is admitted at once, and
    the server told of all such requests together, a moment later. `now` gives Unix seconds.
    """

    def __init__(self, nodes: Nodes, *, now: Callable[[], float] = time.time) -> None:
        self.local = LocalLimits()
        self.shared = True
        self.refused: Counter[str] = Counter()
        counts = SharedCounts(nodes)
        self._questions: Questions[Question, Counted] = Questions(counts.ask, counts)
        self._now = now
        self._owing: dict[str, tuple[Account, Tier]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.Handle | None = None
        self._hurried = False

    def now(self) -> int:
        return int(self._now() * MICROSECONDS)

    def at_once(self, caller: str, tier: Tier, cost: int = 1) -> Decision | None:
        """As `check`, where nobody is to be asked before; else None."""
        if not tier.share:
            return None
        name = _key(caller, tier.name)
        account = self.local.account(name)
        decision = account.spend(tier, int(self._now() * MICROSECONDS), cost)
        if decision is not None:
            self._owe(name, account, tier)
        return decision

    async def check(self, caller: str, tier: Tier, cost: int = 1) -> Decision:
        """Take `cost` from the caller's allowance, if that is there; a cost of 0 only looks.

        `caller` may be a secret: the servers see its hash.
        """
        decision = self.at_once(caller, tier, cost) if cost else None
        return decision if decision is not None else await self._asked(caller, tier, cost)

    async def _asked(self, caller: str, tier: Tier, cost: int) -> Decision:
        name = _key(caller, tier.name)
        account = self.local.account(name)
        if account.owed:  # before the question: what is decided knows of it
            self._send(name)
        future: asyncio.Future[Counted] = asyncio.get_running_loop().create_future()
        self._questions.put((name, tier, cost, False), Asked(self, account, tier, future))
        try:
            counted = await future
        except CacheUnavailableError:
            self.shared = False
            decision = self.local.check(name, tier, self.now(), cost)
        else:
            self.shared = True
            decision = as_decision(tier, cost, counted)
        if not decision.admitted:
            self.refused[tier.name] += 1
        return decision

    def _owe(self, name: str, account: Account, tier: Tier) -> None:
        """Tell the server within `PAUSE`, or at once where half of what may be owed is."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # the one before, a test's, took its timer along
            self._loop, self._timer, self._hurried = loop, None, False
        self._owing[name] = account, tier
        hurry = 2 * (account.owed + account.sent) >= tier.share and not self._hurried
        if self._timer is None or hurry:
            if self._timer is not None:
                self._timer.cancel()
            self._hurried = hurry
            self._timer = loop.call_soon(self._send_all) if hurry else loop.call_later(PAUSE, self._send_all)

    def _send_all(self) -> None:
        self._timer, self._hurried = None, False
        for name in [*self._owing]:
            self._send(name)

    def _send(self, name: str) -> None:
        account, tier = self._owing.pop(name)
        cost = account.send()
        self._questions.put((name, tier, cost, True), Owed(self, account, tier, cost))


def _words(questions: Sequence[Question], now: int) -> tuple[list[str], list[int]]:
    """The script's keys and arguments."""
    arguments = [now]
    for _, tier, cost, owed in questions:
        arguments += (tier.interval, tier.tolerance, cost, int(owed))
    return [name for name, _, _, _ in questions], arguments


def as_decision(tier: Tier, cost: int, counted: Counted) -> Decision:
    admitted, remaining, reset, early = counted
    return Decision(tier, admitted == 1, remaining, reset, early if cost <= tier.burst else None)
