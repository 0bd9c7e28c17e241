"""Limits on every route but those that probes and scrapers ask."""

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from richesreach.core.limits.callers import Callers
from richesreach.core.limits.gcra import MICROSECONDS, Decision
from richesreach.core.limits.limiter import Limiter
from richesreach.core.problems import problem_response

_FREE = ("/health", "/metrics")


def free_of_limits(path: str) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in _FREE)


def fields(decision: Decision) -> dict[str, str]:
    """`RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-10, and the three fields of
    its versions up to 6, which more clients read; `Retry-After` where waiting helps.
    """
    tier, reset = decision.tier, _seconds(decision.reset)
    found = {
        "ratelimit-policy": f'"{tier.name}";q={tier.quota};w={tier.seconds}',
        "ratelimit": f'"{tier.name}";r={decision.remaining};t={reset}',
        "ratelimit-limit": str(tier.quota),
        "ratelimit-remaining": str(decision.remaining),
        "ratelimit-reset": str(reset),
    }
    if not decision.admitted and decision.retry_after is not None:
        found["retry-after"] = str(_seconds(decision.retry_after))
    return found


class RateLimitMiddleware:
    """Refuses with 429 what is beyond the caller's allowance, and tells every caller what is left of it.

    `cost_of` weighs a request before it is read. What is known only later (the cost of a GraphQL document) is
    taken with `Limiter.check` and the caller in `scope["state"]["caller"]`.
    """

    def __init__(
        self,
        app: ASGIApp,
        limiter: Limiter,
        callers: Callers,
        cost_of: Callable[[Scope], int] = lambda _scope: 1,
    ) -> None:
        self.app = app
        self.limiter = limiter
        self.callers = callers
        self.cost_of = cost_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or free_of_limits(scope["path"]):
            await self.app(scope, receive, send)
            return
        caller = await self.callers.of(scope)
        scope.setdefault("state", {})["caller"] = caller
        decision = await self.limiter.check(caller.name, caller.tier, self.cost_of(scope))
        told = fields(decision)
        if not decision.admitted:
            await _refuse(decision, told)(scope, receive, send)
            return

        async def send_with_fields(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                headers = MutableHeaders(scope=message)
                if _everyones(headers.get("cache-control", "")):
                    await send(message)
                    return
                for name, value in told.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_fields)


def _everyones(cache_control: str) -> bool:
    """Whether a shared cache keeps the answer: it would tell one caller's limit to the next."""
    return "public" in cache_control or "s-maxage" in cache_control


def _refuse(decision: Decision, told: dict[str, str]) -> ASGIApp:
    tier = decision.tier
    detail = f"The limit of {tier.quota} requests per {tier.seconds} s ({tier.name}) is reached."
    if decision.retry_after is None:
        detail = f"This request costs more than the {tier.burst} that {tier.name} callers may spend at once."

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
