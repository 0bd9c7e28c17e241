"""One request through all pieces: what is kept, whom to ask, what it cost, and what to keep of it."""

import asyncio
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from richesreach.ai_router.answers.model import Match, Stored
from richesreach.ai_router.answers.store import Answers
from richesreach.ai_router.context.preparing import Prepared, Preparing
from richesreach.ai_router.context.summarising import Summarising
from richesreach.ai_router.dispatching.dispatcher import Dispatched, Dispatcher
from richesreach.ai_router.model import Caller, Usage
from richesreach.ai_router.places import Place
from richesreach.ai_router.providers.provider import Answer, Embeddings
from richesreach.ai_router.routing.asked import AUTO
from richesreach.ai_router.routing.asking import Asker
from richesreach.ai_router.routing.catalogue import Catalogue
from richesreach.ai_router.routing.cooling import Cooling
from richesreach.ai_router.routing.explain import explain_outcome
from richesreach.ai_router.streamed import Headers, Live, Replayed, Streaming
from richesreach.ai_router.tenants import team_of
from richesreach.ai_router.tracking.model import Cached, Served
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.ai_router.wire.embeddings import EmbedRequest

_COST = b"x-richesreach-cost-microdollars"
_FREE = (_COST, b"0")
# Kinds of providers that there may be, so that one without a key is shown as disabled.
KINDS = ("openai", "anthropic", "google", "bedrock")


@functools.lru_cache(maxsize=1024)
def made_by(provider: str, model: str) -> Headers:
    """The headers that name who answered."""
    return (b"x-richesreach-provider", provider.encode()), (b"x-richesreach-model", model.encode())


class Answered(msgspec.Struct, frozen=True, gc=False):
    """A whole answer in OpenAI's shape. `dispatched` is how it came about; None for one that was kept."""

    body: bytes
    model: str
    provider: str
    microdollars: int = 0
    dispatched: Dispatched[Answer] | Dispatched[Embeddings] | None = None
    cached: Match | None = None
    prepared: Prepared | None = None

    def headers(self) -> Headers:
        told = made_by(self.provider, self.model)
        if self.cached is not None:
            return *told, (b"x-richesreach-cache", self.cached.encode()), _FREE
        return *told, (_COST, b"%d" % self.microdollars)


class AiRouter:
    """The service of one process. Without `answers` none are kept."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        asker: Asker,
        preparing: Preparing,
        places: Mapping[str, Place],
        *,
        answers: Answers | None = None,
        record: Callable[[Served], None] = lambda _served: None,
    ) -> None:
        self._dispatcher = dispatcher
        self._asker = asker
        self._preparing = preparing
        self._places = places
        self._answers = answers
        self._record = record
        self._keeping: set[asyncio.Task[None]] = set()

    @property
    def catalogue(self) -> Catalogue:
        return self._dispatcher.router.catalogue

    @property
    def cooling(self) -> Cooling:
        return self._dispatcher.cooling

    async def chat(self, request: ChatRequest, caller: Caller, request_id: str) -> Answered:
        """Raises RequestError, and what `Dispatcher.answer` raises."""
        started = time.monotonic()
        prepared = self._preparing.at_once(request) or await self._prepared(request, caller, request_id)
        request = prepared.request
        answers = self._answers_for(request, "chat")
        if answers is not None and (kept := await answers.find(team_of(caller), request)) is not None:
            return self._kept(kept, request, caller, request_id, started)
        asked = self._asker.chat(request, caller)
        answered = _answered(await self._dispatcher.answer(request, asked, request_id), prepared)
        if answers is not None and answered.dispatched is not None:
            usage = answered.dispatched.usage
            self._keep(caller, request, answered, usage, "chat")
        return answered

    async def stream(self, request: ChatRequest, caller: Caller, request_id: str) -> Streaming:
        """Raises as `chat` does, as long as nothing of an answer has come."""
        started = time.monotonic()
        request = (await self._prepared(request, caller, request_id)).request
        answers = self._answers_for(request, "chat")
        if answers is not None and (kept := await answers.find(team_of(caller), request)) is not None:
            answered = self._kept(kept, request, caller, request_id, started)
            return Replayed(answered.body, answered.headers(), usage=request.tells_usage)
        asked = self._asker.chat(request, caller)
        streamed = await self._dispatcher.stream(request, asked, request_id)
        model = streamed.candidate.model
        headers = made_by(model.provider, model.name)
        if answers is None:
            return Live(streamed, headers)

        def keep(body: bytes, usage: Usage) -> None:
            answered = Answered(body, model.name, model.provider, usage.cost(model.prices))
            self._keep(caller, request, answered, usage, "chat")

        return Live(streamed, headers, keep)

    async def embed(self, request: EmbedRequest, caller: Caller, request_id: str) -> Answered:
        """Raises as `chat` does."""
        started = time.monotonic()
        answers = self._answers_for(request, "embeddings")
        if answers is not None:
            kept = await answers.find(team_of(caller), request, "embeddings")
            if kept is not None:
                return self._kept(kept, request, caller, request_id, started)
        asked = self._asker.embedding(request, caller)
        answered = _answered(await self._dispatcher.embed(request, asked, request_id))
        if answers is not None and answered.dispatched is not None:
            usage = answered.dispatched.usage
            self._keep(caller, request, answered, usage, "embeddings")
        return answered

    async def _prepared(self, request: ChatRequest, caller: Caller, request_id: str) -> Prepared:
        """Raises RequestError. A conversation that is to be trimmed is summarised at its caller's cost."""
        if not request.options.trim:
            return await self._preparing.prepare(request)
        summarising = Summarising(self._dispatcher, self._asker, caller, request_id)
        return await self._preparing.prepare(request, summarising.summary)

    def _answers_for(self, request: ChatRequest | EmbedRequest, kind: str) -> Answers | None:
        answers = self._answers
        return answers if answers is not None and answers.concerned(request, kind) else None

    def _kept(
        self,
        kept: Stored,
        request: ChatRequest | EmbedRequest,
        caller: Caller,
        request_id: str,
        started: float,
    ) -> Answered:
        served = Served(
            request_id=request_id,
            caller=caller,
            task=request.options.task or "general",
            asked=request.given.model,
            outcome="ok",
            seconds=time.monotonic() - started,
            first_token=None,
            cost=0,
            cached=Cached(kept.match),
            cached_model=kept.model,
        )
        self._record(served)
        return Answered(kept.body, kept.model, kept.provider, cached=kept.match)

    def _keep(
        self,
        caller: Caller,
        request: ChatRequest | EmbedRequest,
        answered: Answered,
        usage: Usage,
        kind: str,
    ) -> None:
        """Beside the answer, which waits for nothing."""
        if self._answers is None:
            return
        spent = answered.microdollars
        stored = Stored(
            answered.body, answered.model, answered.provider, usage.input, usage.output, spent, time.time()
        )
        task = asyncio.get_running_loop().create_task(
            self._answers.keep(team_of(caller), request, stored, kind)
        )
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    def explained(self, dispatched: Dispatched[Answer] | Dispatched[Embeddings]) -> dict[str, Any]:
        """Why it was this model, and whether another would have been better."""
        router = self._dispatcher.router
        return explain_outcome(
            dispatched.outlook.decision,
            dispatched.attempts,
            dispatched.seconds,
            router.estimates,
            router.policy,
        )

    def model_names(self) -> Sequence[tuple[str, str]]:
        """What a caller may name, each with a provider that serves it; `auto` first."""
        found = {AUTO: "richesreach"}
        for model in self.catalogue.models:
            if self.catalogue.enabled(model):
                found.setdefault(model.name, model.provider)
        return list(found.items())

    def providers(self) -> dict[str, dict[str, Any]]:
        """Every provider with how many keys it has, and which of its keys and models are left alone now."""
        found: dict[str, dict[str, Any]] = {kind: {"status": "disabled", "keys": 0} for kind in KINDS}
        for name, place in self._places.items():
            found[name] = {"status": "ok", "keys": len(place.credentials)}
        for closed in self.cooling.report():
            name = closed.scope.partition("/")[0].partition(":")[0]
            provider = found.get(name)
            if provider is not None:
                provider["status"] = "degraded"
                provider.setdefault("left_alone", []).append(
                    {
                        "scope": closed.scope,
                        "state": closed.state,
                        "reason": str(closed.reason),
                        "seconds": round(closed.seconds, 1),
                    }
                )
        return found

    async def close(self) -> None:
        """Wait until everything is settled and recorded."""
        await self._dispatcher.close()
        while self._keeping:
            await asyncio.wait(self._keeping)


def _answered(
    found: Dispatched[Answer] | Dispatched[Embeddings], prepared: Prepared | None = None
) -> Answered:
    model = found.candidate.model
    return Answered(
        found.answer.body, model.name, model.provider, found.microdollars, found, prepared=prepared
    )
