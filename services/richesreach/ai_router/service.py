"""One request through all pieces: what is kept, whom to ask, what it cost, and what to keep of it."""

import functools
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from richesreach.ai_router.context.preparing import Prepared, Preparing
from richesreach.ai_router.context.summarising import Summarising
from richesreach.ai_router.cooling import Cooling
from richesreach.ai_router.dispatch import Dispatched, Dispatcher
from richesreach.ai_router.model import Attempt, Caller, Model
from richesreach.ai_router.places import Place
from richesreach.ai_router.providers.provider import Answer, Chunk, Embeddings
from richesreach.ai_router.routing.asked import AUTO
from richesreach.ai_router.routing.asking import Asker
from richesreach.ai_router.routing.catalogue import Catalogue
from richesreach.ai_router.routing.explain import explain_outcome
from richesreach.ai_router.streaming import Streamed
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.ai_router.wire.embeddings import EmbedRequest

Headers = tuple[tuple[bytes, bytes], ...]
# Kinds of providers that there may be, so that one without a key is shown as disabled.
KINDS = ("openai", "anthropic", "google", "bedrock")


@functools.lru_cache(maxsize=1024)
def _made_by(provider: str, model: str) -> Headers:
    return (b"x-richesreach-provider", provider.encode()), (b"x-richesreach-model", model.encode())


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer in OpenAI's shape, and how it came about."""

    body: bytes
    dispatched: Dispatched[Answer] | Dispatched[Embeddings]
    prepared: Prepared | None = None

    @property
    def model(self) -> Model:
        return self.dispatched.candidate.model

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return self.dispatched.attempts

    def headers(self) -> Headers:
        model, spent = self.model, self.dispatched.microdollars
        cost = (b"x-richesreach-cost-microdollars", b"%d" % spent)
        return *_made_by(model.provider, model.name), cost


class Streaming:
    """A stream whose first chunk is there. Close it, read to its end or not."""

    __slots__ = ("_streamed",)

    def __init__(self, streamed: Streamed) -> None:
        self._streamed = streamed

    def headers(self) -> Headers:
        model = self._streamed.candidate.model
        return _made_by(model.provider, model.name)

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self._streamed.__aiter__()

    async def aclose(self) -> None:
        await self._streamed.aclose()


class AiRouter:
    """The service of one process."""

    def __init__(self, dispatcher: Dispatcher, asker: Asker, places: Mapping[str, Place]) -> None:
        self._dispatcher = dispatcher
        self._asker = asker
        self._preparing = Preparing(dispatcher.router, asker.counter)
        self._places = places

    @property
    def catalogue(self) -> Catalogue:
        return self._dispatcher.router.catalogue

    @property
    def cooling(self) -> Cooling:
        return self._dispatcher.cooling

    async def chat(self, request: ChatRequest, caller: Caller, request_id: str) -> Answered:
        """Raises RequestError, and what `Dispatcher.answer` raises."""
        prepared = await self._prepared(request, caller, request_id)
        asked = self._asker.chat(prepared.request, caller)
        dispatched = await self._dispatcher.answer(prepared.request, asked, request_id)
        return Answered(dispatched.answer.body, dispatched, prepared)

    async def stream(self, request: ChatRequest, caller: Caller, request_id: str) -> Streaming:
        """Raises as `chat` does, as long as nothing of an answer has come."""
        prepared = await self._prepared(request, caller, request_id)
        asked = self._asker.chat(prepared.request, caller)
        return Streaming(await self._dispatcher.stream(prepared.request, asked, request_id))

    async def _prepared(self, request: ChatRequest, caller: Caller, request_id: str) -> Prepared:
        """Raises RequestError."""
        if not request.options.trim:
            return await self._preparing.prepare(request)
        summarising = Summarising(self._dispatcher, self._asker, caller, request_id)
        return await self._preparing.prepare(request, summarising.summary)

    async def embed(self, request: EmbedRequest, caller: Caller, request_id: str) -> Answered:
        """Raises as `chat` does."""
        asked = self._asker.embedding(request, caller)
        dispatched = await self._dispatcher.embed(request, asked, request_id)
        return Answered(dispatched.answer.body, dispatched)

    def explained(self, answered: Answered) -> dict[str, Any]:
        """Why it was this model, and whether another would have been better."""
        router, dispatched = self._dispatcher.router, answered.dispatched
        found = explain_outcome(
            dispatched.decision, dispatched.attempts, dispatched.seconds, router.estimates, router.policy
        )
        return found if answered.prepared is None else found | {"context": answered.prepared.told()}

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
