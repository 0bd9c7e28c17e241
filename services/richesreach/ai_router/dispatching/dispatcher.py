"""One request from the decision to the answer: whom to ask, with what money, for how long, and who is next.

Whatever happens (an answer, failures, a caller that leaves, a bug), each attempt has one account, the money
that was set aside is settled once, and the request is recorded once. Where money is owed, both are done by a
task of their own after the answer: no caller waits for it, and no cancellation cuts it short. `close` waits
for them.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

import msgspec

from richesreach.ai_router.dispatching.chain import Limits
from richesreach.ai_router.dispatching.ledger import Ledger
from richesreach.ai_router.dispatching.run import Crew, Run
from richesreach.ai_router.dispatching.streaming import Opened, Streamed
from richesreach.ai_router.dispatching.trial import Trial, Watchers
from richesreach.ai_router.model import Attempt, Usage
from richesreach.ai_router.providers.credentials import Credentials
from richesreach.ai_router.providers.provider import Answer, Call, EmbedCall, Embeddings, Provider
from richesreach.ai_router.routing.asked import Asked
from richesreach.ai_router.routing.cooling import Cooling
from richesreach.ai_router.routing.decision import Candidate
from richesreach.ai_router.routing.outlook import Outlook
from richesreach.ai_router.routing.router import Router
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.ai_router.wire.embeddings import EmbedRequest
from richesreach.core.resilience.retry import RetryBudget

Given = TypeVar("Given", Answer, Embeddings)


class Dispatched(msgspec.Struct, Generic[Given], frozen=True, gc=False):
    """An answer, with how it came about.

    `usage` is of the attempt that answered; `microdollars` is what all attempts cost together.
    """

    answer: Given
    candidate: Candidate
    usage: Usage
    attempts: tuple[Attempt, ...]
    outlook: Outlook
    microdollars: int
    seconds: float


class Dispatcher:
    """One process's. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        router: Router,
        providers: Mapping[str, Provider],
        credentials: Credentials,
        ledger: Ledger,
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self.router = router
        self._providers = providers
        self._crew = Crew(
            router,
            credentials,
            ledger,
            Watchers(router.estimates, router.cooling, router.calibration, clock),
            limits or Limits(),
            RetryBudget(clock=clock),
            rng or random.Random(),  # noqa: S311 (picks keys by weight, keeps no secret)
        )

    @property
    def cooling(self) -> Cooling:
        return self.router.cooling

    async def answer(self, request: ChatRequest, asked: Asked, request_id: str) -> Dispatched[Answer]:
        """A whole answer.

        Raises NothingFitsError, AllFailedError, ProviderError (the request's own fault), BudgetExhaustedError
        and BudgetsUnavailableError.
        """
        run: Run[Answer] = Run(self._crew, asked, request_id, streamed=False)

        async def ask(trial: Trial) -> Answer:
            provider = self._providers[trial.turn.candidate.model.provider]
            answer = await provider.chat(_call(request, run, trial, request_id))
            trial.answered(answer.usage)
            return answer

        return await _whole(run, ask)

    async def embed(self, request: EmbedRequest, asked: Asked, request_id: str) -> Dispatched[Embeddings]:
        """Raises as `answer` does."""
        run: Run[Embeddings] = Run(self._crew, asked, request_id, streamed=False)

        async def ask(trial: Trial) -> Embeddings:
            turn = trial.turn
            model = turn.candidate.model
            call = EmbedCall(model, turn.credential, request, turn.timeout, request_id, bounded=True)
            found = await self._providers[model.provider].embed(call)
            trial.answered(found.usage)
            return found

        return await _whole(run, ask)

    async def stream(self, request: ChatRequest, asked: Asked, request_id: str) -> Streamed:
        """A stream whose first chunk has come: until then another candidate could still take over.

        Raises as `answer` does. Whoever gets it must close it (`aclose`, or `async with`), read to its end or
        not.
        """
        run: Run[Opened] = Run(self._crew, asked, request_id, streamed=True, discard=Opened.discard)

        async def ask(trial: Trial) -> Opened:
            provider = self._providers[trial.turn.candidate.model.provider]
            return await Opened.begin(provider.stream(_call(request, run, trial, request_id)), trial)

        try:
            opened, trial = await run.serve(ask)
        except BaseException as error:
            run.end(error)
            raise
        return Streamed(opened, trial, run.end, run.trials)

    async def close(self) -> None:
        """Wait until everything that ended is settled and recorded."""
        while self._crew.ending:
            await asyncio.wait(self._crew.ending)


async def _whole(run: Run[Given], ask: Callable[[Trial], Awaitable[Given]]) -> Dispatched[Given]:
    try:
        answer, trial = await run.serve(ask)
    except BaseException as error:
        run.end(error)
        raise
    run.end(None)
    usage, served = trial.answered(answer.usage).usage, run.served
    return Dispatched(
        answer, trial.turn.candidate, usage, served.attempts, run.outlook, served.cost, served.seconds
    )


def _call(request: ChatRequest, run: Run[Answer] | Run[Opened], trial: Trial, request_id: str) -> Call:
    """`Run` ends a whole answer in time: a provider needs no alarm of its own for that, but for streams."""
    turn = trial.turn
    asked = capped(request, turn.candidate) if run.limited else request
    return Call(turn.candidate.model, turn.credential, asked, turn.timeout, request_id, bounded=True)


def capped(request: ChatRequest, candidate: Candidate) -> ChatRequest:
    """The same request with the limit that money was set aside for, where it has none below that."""
    limit = request.given.output_limit
    if limit is not None and limit <= candidate.tokens_out:
        return request
    # OpenAI's reasoning models refuse the old name, and others do not know the new one.
    name = "max_completion_tokens" if candidate.model.provider == "openai" else "max_tokens"
    limits = {"max_completion_tokens": None, "max_tokens": None, name: candidate.tokens_out}
    members = {key: value for key, value in request.members.items() if key not in limits}
    members[name] = msgspec.Raw(str(candidate.tokens_out).encode())
    return ChatRequest(msgspec.structs.replace(request.given, **limits), members, request.options)
