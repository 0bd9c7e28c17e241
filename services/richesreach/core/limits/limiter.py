"""The region's limiter: one Lua call to the cache's server, and the process's own count without it."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable

from richesreach.core.cache.nodes import CacheUnavailableError, Nodes
from richesreach.core.cache.scripts import Script
from richesreach.core.limits.gcra import MICROSECONDS, Decision, LocalLimits, Tier

# KEYS: the caller's. ARGV: interval, tolerance, cost, and the time to take for now (tests; else the server's
# own). All in microseconds. Answers admitted, remaining, microseconds until the whole burst is there again,
# and by how much the request was early. The same as `gcra.decide`.
SCRIPT = Script("""
local interval, tolerance, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[4])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local before = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local after = before + cost * interval
local early = after - now - tolerance
local arrival = before
if early <= 0 then
  arrival = after
  if cost > 0 then
    redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000) + 1000)
  end
end
local remaining = math.floor(math.max(0, tolerance - (arrival - now)) / interval)
return {early <= 0 and 1 or 0, remaining, arrival - now, math.max(0, early)}
""")


class Limiter:
    """Counts callers of all tasks of the region together; each task alone while the cache does not answer."""

    def __init__(self, nodes: Nodes, *, now: Callable[[], float] = time.time) -> None:
        self.local = LocalLimits()
        self.shared = True
        self.refused: Counter[str] = Counter()
        self._nodes = nodes
        self._now = now

    async def check(self, caller: str, tier: Tier, cost: int = 1) -> Decision:
        """Take `cost` from the caller's allowance, if that is there; a cost of 0 only looks.

        `caller` may be a secret: the servers see its hash.
        """
        name = f"limit:{tier.name}:{hashlib.blake2b(caller.encode(), digest_size=16).hexdigest()}"
        now = int(self._now() * MICROSECONDS)
        try:
            decision = await self._ask(name, tier, cost)
        except CacheUnavailableError:
            self.shared = False
            decision = self.local.check(name, tier, now, cost)
        else:
            self.shared = True
            self.local.learn(name, decision.reset, now)
        if not decision.admitted:
            self.refused[tier.name] += 1
        return decision

    async def _ask(self, name: str, tier: Tier, cost: int, now: int = 0) -> Decision:
        """Raises CacheUnavailableError."""
        arguments = [tier.interval, tier.tolerance, cost, now]
        admitted, remaining, reset, early = await self._nodes.write(
            lambda node: SCRIPT.run(node, [name], arguments)
        )
        return Decision(tier, admitted == 1, remaining, reset, early if cost <= tier.burst else None)
