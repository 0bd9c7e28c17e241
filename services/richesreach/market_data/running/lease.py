"""Which task of the region publishes: one at a time, by a lease in the region's own cache.

Whoever holds it says so again every second, and hands nothing more to the brokers once it has not been
confirmed for HOLD seconds. What it handed over before has arrived or been given up DELIVERY_TIMEOUT later,
and only then does the lease run out: a successor that reads the topic finds all that its predecessor wrote.

A holder that was cut off from the cache, and finds that nobody has held the lease since, holds it on.
"""

import time
from collections.abc import Callable

from richesreach.core.cache import CacheUnavailableError, Nodes
from richesreach.core.cache.scripts import Script
from richesreach.core.events.publishing import DELIVERY_TIMEOUT

# Seconds.
RENEW, HOLD = 1.0, 5.0
TTL = HOLD + DELIVERY_TIMEOUT + 2.0

# KEYS: lease, number of its holders so far. ARGV: who asks, milliseconds.
_ACQUIRE = Script("""
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return redis.call('INCR', KEYS[2])
""")
# ARGV[3]: which of the holders it is. A lease that ran out is nobody else's until another one counts itself.
_RENEW = Script("""
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if not holder and redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
""")
_RELEASE = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
""")


class LeaseLostError(Exception):
    """Another task holds it now, or the cache has forgotten who did."""


class Lease:
    """Of `member`, whose name no other task has. `clock` in seconds."""

    def __init__(
        self, nodes: Nodes, name: str, member: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.member = member
        self._nodes = nodes
        self._keys = [f"{name}:lease", f"{name}:terms"]
        self._clock = clock
        self._until = 0.0
        self._number = 0

    def held(self) -> bool:
        """Whether it may be acted on now."""
        return self._clock() < self._until

    async def acquire(self) -> bool:
        """Whether it was free, and is held now. Raises CacheUnavailableError."""
        asked = self._clock()
        number = int(await self._ask(_ACQUIRE))
        if not number:
            return False
        self._number = number
        self._until = asked + HOLD
        return True

    async def renew(self) -> None:
        """Raises LeaseLostError. Without the cache it is held as long as it was confirmed for."""
        asked = self._clock()
        try:
            confirmed = await self._ask(_RENEW)
        except CacheUnavailableError:
            return
        if not confirmed:
            self._until = 0.0
            raise LeaseLostError("another task has the lease, or nobody knows who had it")
        self._until = asked + HOLD

    async def release(self) -> None:
        """Let another one have it now; what was handed over must have arrived."""
        self._until = 0.0
        try:
            await self._ask(_RELEASE)
        except CacheUnavailableError:
            return

    async def _ask(self, script: Script) -> int:
        arguments = [self.member, round(TTL * 1000), self._number]
        answer: int = await self._nodes.write_directly(lambda wire: script.run(wire, self._keys, arguments))
        return answer
