"""The region's limiter: one Lua call to the cache's server for all who ask at a time, and the process's own
count without it.
"""

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
from richesreach.core.limits.gcra import MICROSECONDS, Decision, LocalLimits, Tier
from richesreach.core.limits.questions import Counted, Met, Question, Questions, Turn

# KEYS: the callers'. ARGV: the time to take for now (tests; else, for 0, the server's own), then interval,
# tolerance and cost of each. All in microseconds. Answers for each whether it is admitted, what remains, the
# microseconds until the whole burst is there again, and by how much the request was early, in one list. The
# same as `gcra.decide`.
SCRIPT = Script("""
local now, found = tonumber(ARGV[1]), {}
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
for i, key in ipairs(KEYS) do
  local interval, tolerance = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local cost = tonumber(ARGV[3 * i + 1])
  local before = math.max(tonumber(redis.call('GET', key) or '0'), now)
  local after = before + cost * interval
  local early = after - now - tolerance
  local arrival = before
  if early <= 0 then
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


class Limiter:
    """Counts callers of all tasks of the region together; each task alone while the cache does not answer."""

    def __init__(self, nodes: Nodes, *, now: Callable[[], float] = time.time) -> None:
        self.local = LocalLimits()
        self.shared = True
        self.refused: Counter[str] = Counter()
        counts = SharedCounts(nodes)
        self._questions: Questions[Question, Counted] = Questions(counts.ask, counts)
        self._now = now

    async def check(self, caller: str, tier: Tier, cost: int = 1) -> Decision:
        """Take `cost` from the caller's allowance, if that is there; a cost of 0 only looks.

        `caller` may be a secret: the servers see its hash.
        """
        name = _key(caller, tier.name)
        now = int(self._now() * MICROSECONDS)
        try:
            counted = await self._questions.ask((name, tier, cost))
        except CacheUnavailableError:
            self.shared = False
            decision = self.local.check(name, tier, now, cost)
        else:
            self.shared = True
            decision = as_decision(tier, cost, counted)
            self.local.learn(name, decision.reset, now)
        if not decision.admitted:
            self.refused[tier.name] += 1
        return decision


def _words(questions: Sequence[Question], now: int) -> tuple[list[str], list[int]]:
    """The script's keys and arguments."""
    arguments = [now]
    for _, tier, cost in questions:
        arguments += (tier.interval, tier.tolerance, cost)
    return [name for name, _, _ in questions], arguments


def as_decision(tier: Tier, cost: int, counted: Counted) -> Decision:
    admitted, remaining, reset, early = counted
    return Decision(tier, admitted == 1, remaining, reset, early if cost <= tier.burst else None)
