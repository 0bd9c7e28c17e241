"""Limits on every route but those that probes and scrapers ask."""

import functools
from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from richesreach.core.auth.credentials import SHOWN
from richesreach.core.limits.callers import FORWARDED, Caller, Callers
from richesreach.core.limits.gcra import MICROSECONDS, Decision, Tier
from richesreach.core.limits.limiter import Limiter
from richesreach.core.problems import problem_response

_FREE = frozenset({"/health", "/metrics"})
_BELOW_FREE = ("/health/", "/metrics/")


def free_of_limits(path: str) -> bool:
    return path in _FREE or path.startswith(_BELOW_FREE)


@functools.cache
def _of_tier(tier: Tier) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    """What every answer to a caller of the tier says."""
    policy = f'"{tier.name}";q={tier.quota};w={tier.seconds}'
    return (b"ratelimit-policy", policy.encode()), (b"ratelimit-limit", b"%d" % tier.quota)


def left_to_say(decision: Decision) -> list[tuple[bytes, bytes]]:
    """`RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-10, and the three fields of
    its versions up to 6, which more clients read; `Retry-After` where waiting helps.
    """
    reset = _seconds(decision.reset)
    found = [
        *_of_tier(decision.tier),
        (b"ratelimit", f'"{decision.tier.name}";r={decision.remaining};t={reset}'.encode()),
        (b"ratelimit-remaining", b"%d" % decision.remaining),
        (b"ratelimit-reset", b"%d" % reset),
    ]
    if not decision.admitted and decision.retry_after is not None:
        found.append((b"retry-after", b"%d" % _seconds(decision.retry_after)))
    return found


class Limits:
    """Who asks, and whether that is still within the caller's allowance.

    `cost_of` weighs a request before it is read. What is known only later (the cost of a GraphQL document) is
    taken with `Limiter.check` and the caller in `scope["state"]["caller"]`.
    """

    def __init__(
        self, limiter: Limiter, callers: Callers, cost_of: Callable[[Scope], int] = lambda _scope: 1
    ) -> None:
        self.limiter = limiter
        self.callers = callers
        self.cost_of = cost_of

    def at_once(self, scope: Scope, given: Mapping[bytes, list[str]]) -> Decision | None:
        """As `admit`, for nobody or somebody known, of whom nobody is to be asked before; else None."""
        caller: Caller | None
        if any(name in given for name in SHOWN):
            caller = self.callers.at_once(scope)
            if caller is None:
                return None
        else:
            caller = self.callers.unnamed(scope, given.get(FORWARDED, ()))
        scope["state"]["caller"] = caller
        return self.limiter.at_once(caller.name, caller.tier, self.cost_of(scope))

    async def admit(self, scope: Scope, given: Mapping[bytes, list[str]]) -> Decision:
        """The decision, paid for where it admits. `given` are the request's headers that name a caller."""
        if any(name in given for name in SHOWN):
            caller = await self.callers.of(scope)
        else:
            caller = self.callers.unnamed(scope, given.get(FORWARDED, ()))
        scope["state"]["caller"] = caller
        return await self.limiter.check(caller.name, caller.tier, self.cost_of(scope))


def refusal(decision: Decision) -> ASGIApp:
    """429, or what a WebSocket understands."""
    tier = decision.tier
    detail = f"The limit of {tier.quota} requests per {tier.seconds} s ({tier.name}) is reached."
    if decision.retry_after is None:
        detail = f"This request costs more than the {tier.burst} that {tier.name} callers may spend at once."
    told = {name.decode(): value.decode() for name, value in left_to_say(decision)}

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1013})  # try again later
            return
        answer = problem_response(scope, 429, detail, kind="rate-limited", headers=told)
        await answer(scope, receive, send)

    return refuse


def _seconds(microseconds: int) -> int:
    """Rounded up: a client that waits as long as it is told must not be early."""
    return -(-microseconds // MICROSECONDS)
