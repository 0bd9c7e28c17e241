"""Every way in which the mock providers can fail, met with fallbacks and without: `make chaos-ai`.

The real providers' clients, over HTTP, against the mock as a process of its own. "Without" is one attempt at
the best model and nothing remembered; "with" is what the service does. Half of the requests are streams.
After each run every attempt that the mock saw must be in the records once, and all money settled once.
"""

import asyncio
import collections
import dataclasses
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[2] / "services")]

import mock_provider  # noqa: E402
from mock_provider import MockProvider  # noqa: E402
from models_for_tests import CALLER  # noqa: E402
from richesreach.ai_router.dispatching.chain import Limits  # noqa: E402
from richesreach.ai_router.dispatching.dispatcher import Dispatcher  # noqa: E402
from richesreach.ai_router.dispatching.faults import AllFailedError, NothingFitsError  # noqa: E402
from richesreach.ai_router.model import Attempt, Model, ProviderError  # noqa: E402
from richesreach.ai_router.places import Place  # noqa: E402
from richesreach.ai_router.providers.anthropic import Anthropic  # noqa: E402
from richesreach.ai_router.providers.connections import Connections, Patience  # noqa: E402
from richesreach.ai_router.providers.credentials import Credential, Credentials  # noqa: E402
from richesreach.ai_router.providers.google import Google  # noqa: E402
from richesreach.ai_router.providers.openai import OpenAI  # noqa: E402
from richesreach.ai_router.routing.asking import Asker  # noqa: E402
from richesreach.ai_router.routing.catalogue import Catalogue  # noqa: E402
from richesreach.ai_router.routing.cooling import Cooling  # noqa: E402
from richesreach.ai_router.routing.estimates import Estimates  # noqa: E402
from richesreach.ai_router.routing.router import Router  # noqa: E402
from richesreach.ai_router.wire.chat import ChatRequest  # noqa: E402
from scripted_provider import MemoryLedger  # noqa: E402

PROVIDERS = ("openai", "anthropic", "google")
KEYS = (Credential("good", "key-good"), Credential("sick", "key-sick"))
CLIENTS = 16
# Times that a test machine keeps, and in which a hanging provider does not take minutes.
LIMITS = Limits(patience=0.1, least=2.0, whole=60.0, pause=0.05)
LIMIT = 50_000_000
# Stands in a rule for the provider, or the model, that is asked first where nothing is wrong.
FIRST_CHOICE = "<first choice>"


@dataclasses.dataclass(frozen=True)
class Trouble:
    """What goes wrong: rules of the mock. `lost`: no fallback is right, or there is none."""

    name: str
    rules: tuple[dict[str, Any], ...]
    lost: bool = False


def some(mode: str, share: float = 0.3, **details: Any) -> Trouble:
    return Trouble(f"{mode}, {share:.0%} of requests", ({"mode": mode, "share": share, **details},))


TROUBLES = (
    Trouble("none", ()),
    some("rate_limited", retry_after=0.2),
    Trouble("rate_limited, one key of each provider", ({"mode": "rate_limited", "key": "sick"},)),
    Trouble("out_of_credit, one key of each provider", ({"mode": "out_of_credit", "key": "sick"},)),
    Trouble("unauthenticated, one key of each provider", ({"mode": "unauthenticated", "key": "sick"},)),
    some("overloaded"),
    some("server_error"),
    some("down"),
    some("malformed"),
    some("truncated"),
    some("error_in_stream"),
    some("redirect"),
    some("huge", 0.1),
    some("hang", 0.05),
    some("slow", delay=0.05),
    some("slow_stream", delay=0.01),
    some("no_usage"),
    Trouble("down, the first choice's provider", ({"mode": "down", "provider": FIRST_CHOICE},)),
    Trouble("unknown_model, the first choice", ({"mode": "unknown_model", "model": FIRST_CHOICE},)),
    Trouble("out_of_credit, all but one provider", tuple(
        {"mode": "out_of_credit", "provider": one} for one in (FIRST_CHOICE, "openai"))),
    Trouble("down, all providers", ({"mode": "down"},), lost=True),
    Trouble("context_too_long, 30% of requests", ({"mode": "context_too_long", "share": 0.3},), lost=True),
    Trouble("filtered, 30% of requests", ({"mode": "filtered", "share": 0.3},), lost=True),
    Trouble("invalid_request, 30% of requests", ({"mode": "invalid_request", "share": 0.3},), lost=True),
)  # fmt: skip


class Forgetful(Cooling):
    """Leaves nothing alone."""

    def failed(self, *_arguments: Any) -> None:
        return


class Unmoved(Estimates):
    """Learns nothing of what happened."""

    def ended(self, model: Model, _attempt: Attempt | None) -> None:
        super().ended(model, None)


@dataclasses.dataclass
class Outcome:
    """Of one run. `outcomes` counts what requests ended with."""

    requests: int
    whole: int
    streams: int
    attempts: int
    outcomes: collections.Counter[str]

    @property
    def share(self) -> float:
        return (self.whole + self.streams) / self.requests


def dispatcher(
    mock: MockProvider, connections: Connections, ledger: MemoryLedger, *, fallbacks: bool
) -> Dispatcher:
    places = {name: Place(name, name, mock.url, KEYS) for name in PROVIDERS}  # type: ignore[arg-type]
    catalogue = Catalogue.of(places, datetime(2026, 11, 1, tzinfo=UTC))
    cooling = Cooling() if fallbacks else Forgetful()
    router = Router(
        catalogue,
        (Estimates if fallbacks else Unmoved)("us-east-1", speed=catalogue.speed),
        cooling=cooling,
        keys=lambda _provider: tuple(key.id for key in KEYS),
    )
    limits = LIMITS if fallbacks else dataclasses.replace(LIMITS, attempts=1)
    providers = {
        "openai": OpenAI("openai", f"{mock.url}/v1", connections),
        "anthropic": Anthropic("anthropic", mock.url, connections),
        "google": Google("google", mock.url, connections),
    }
    return Dispatcher(router, providers, Credentials(dict.fromkeys(PROVIDERS, KEYS)), ledger, limits=limits)


def question(number: int) -> ChatRequest:
    """Every other one is a stream."""
    return ChatRequest.of(
        [{"role": "user", "content": f"What moves the market today? {number}"}],
        max_completion_tokens=64,
        stream=bool(number % 2),
        richesreach={"seed": number},
    )


async def run(mock: MockProvider, trouble: Trouble, requests: int, *, fallbacks: bool) -> Outcome:
    """Raises AssertionError where an attempt, a reservation or a request is not accounted once."""
    await asyncio.to_thread(mock.forget)
    ledger, asker = MemoryLedger(limit=LIMIT), Asker(longest=LIMITS.whole)
    connections = Connections(Patience(), private=True)
    dispatch = dispatcher(mock, connections, ledger, fallbacks=fallbacks)
    best = dispatch.router.decide(asker.chat(question(0), CALLER)).candidates[0].model
    meant = {"provider": best.provider, "model": best.upstream}
    await asyncio.to_thread(
        mock.rules,
        *({name: meant[name] if value == FIRST_CHOICE else value for name, value in rule.items()}
          for rule in trouble.rules),
    )  # fmt: skip
    answered = {False: 0, True: 0}
    numbers = iter(range(requests))

    async def client() -> None:
        for number in numbers:
            request = question(number)
            streamed = request.streams
            asked = asker.chat(request, CALLER)
            try:
                if streamed:
                    async with await dispatch.stream(request, asked, f"q{number}") as stream:
                        async for _ in stream:
                            pass
                else:
                    await dispatch.answer(request, asked, f"q{number}")
            except (AllFailedError, NothingFitsError, ProviderError):
                continue
            answered[streamed] += 1

    try:
        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        await dispatch.close()
    finally:
        await connections.close()
    ledger.assert_balanced(requests)
    attempts = [one for served in ledger.served for one in served.attempts]
    seen = await asyncio.to_thread(mock.seen)
    assert len(seen) == len(attempts), f"{len(seen)} requests came to the mock, {len(attempts)} are recorded"
    outcomes = collections.Counter(served.outcome for served in ledger.served)
    assert outcomes["ok"] == sum(answered.values())
    return Outcome(requests, answered[False], answered[True], len(attempts), outcomes)


async def main(arguments: Sequence[str]) -> None:
    requests = int(arguments[0]) if arguments else 200
    print("| trouble | without: whole, streams | with fallbacks: whole, streams | attempts a request |")  # noqa: T201
    print("| --- | --- | --- | --- |")  # noqa: T201
    with mock_provider.running() as mock:
        for trouble in TROUBLES:
            without = await run(mock, trouble, requests, fallbacks=False)
            with_them = await run(mock, trouble, requests, fallbacks=True)
            cells = [trouble.name]
            for one in (without, with_them):
                half = one.requests / 2
                cells.append(f"{one.whole / half:.1%}, {one.streams / half:.1%}")
            cells.append(f"{with_them.attempts / with_them.requests:.2f}")
            print(f"| {' | '.join(cells)} |", flush=True)  # noqa: T201
    print("Every attempt that the mock saw is recorded once; every reservation is settled once.")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
