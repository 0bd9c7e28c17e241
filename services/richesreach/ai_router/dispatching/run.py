"""One request on its way: decided, paid for, tried, and ended once."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from richesreach.ai_router.budgets.model import BudgetExhaustedError, BudgetsUnavailableError
from richesreach.ai_router.dispatching.chain import Chain, Limits, Turn
from richesreach.ai_router.dispatching.faults import AllFailedError, NothingFitsError, outcome_of
from richesreach.ai_router.dispatching.funds import Funds
from richesreach.ai_router.dispatching.ledger import Ledger
from richesreach.ai_router.dispatching.trial import Trial, Watchers
from richesreach.ai_router.model import Attempt, Failure, ProviderError
from richesreach.ai_router.providers.credentials import Credentials
from richesreach.ai_router.routing.asked import AUTO, Asked, Strategy
from richesreach.ai_router.routing.decision import Reason
from richesreach.ai_router.routing.outlook import Outlook
from richesreach.ai_router.routing.router import Router
from richesreach.ai_router.tracking.model import Served
from richesreach.core.logs import logger
from richesreach.core.resilience.alarm import Alarms
from richesreach.core.resilience.retry import RetryBudget

Result = TypeVar("Result")
# More than any request costs: what a limited caller's answer may cost is bounded all the same.
_ANY = 2**62
Ask = Callable[[Trial], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Crew:
    """What every request of a process needs. `ending` holds the tasks that settle and record."""

    router: Router
    credentials: Credentials
    ledger: Ledger
    watchers: Watchers
    limits: Limits
    retries: RetryBudget
    rng: random.Random
    ending: set[asyncio.Task[None]] = field(default_factory=set)
    alarms: Alarms = field(default_factory=Alarms)


class Run(Generic[Result]):
    """`discard` gets rid of a result that came too late, such as an open stream."""

    def __init__(
        self,
        crew: Crew,
        asked: Asked,
        request_id: str,
        *,
        streamed: bool,
        discard: Callable[[Result], Awaitable[None]] | None = None,
    ) -> None:
        self._crew = crew
        self._clock = crew.watchers.clock
        self.began = self._clock()
        self._deadline = self.began + crew.limits.whole
        if asked.deadline is not None:
            self._deadline = min(self._deadline, asked.deadline)
        if asked.deadline != self._deadline or asked.stream is not streamed:
            asked = msgspec.structs.replace(asked, deadline=self._deadline, stream=streamed)
        self._asked = asked
        self._request_id = request_id
        self._discard = discard
        self._funds = Funds(crew.ledger, asked.caller, self._deadline)
        self._trials: list[Trial] = []
        self._outlook: Outlook | None = None
        self._downgraded = False
        self._served: Served | None = None

    @property
    def trials(self) -> list[Trial]:
        return self._trials

    @property
    def outlook(self) -> Outlook:
        if self._outlook is None:
            raise AssertionError("a request is decided before it is served")
        return self._outlook

    @property
    def limited(self) -> bool:
        """Whether the caller pays from a budget that has an end."""
        return self._asked.budget is not None

    def attempts(self) -> tuple[Attempt, ...]:
        """Those that are over, in the order they began."""
        return tuple([one.attempt for one in self._trials if one.attempt is not None])

    def spent(self) -> int:
        return sum([one.attempt.cost for one in self._trials if one.attempt is not None])

    @property
    def served(self) -> Served:
        """The account of the request, which has ended."""
        if self._served is None:
            raise AssertionError("a request has its account when it has ended")
        return self._served

    def left(self) -> float:
        return self._deadline - self._clock()

    async def serve(self, ask: Ask[Result]) -> tuple[Result, Trial]:
        """Raises what `Dispatcher.answer` says."""
        outlook = self._decide()
        try:
            return await self._through(outlook, ask)
        except BudgetExhaustedError as error:
            # Nothing was asked yet, and something cheaper may fit what is left.
            if self._trials or not error.left:
                raise
            self._asked = msgspec.structs.replace(self._asked, budget=error.left)
            self._downgraded = True
            cheaper = self._crew.router.outlook(self._asked)
            if not cheaper.decision.candidates:
                raise
            self._outlook = cheaper
            return await self._through(cheaper, ask)

    def _decide(self) -> Outlook:
        """Raises NothingFitsError."""
        asked, router = self._asked, self._crew.router
        standing = self._crew.ledger.standing(asked.caller)
        own = asked.budget
        if standing.left is not None:
            asked = msgspec.structs.replace(
                asked, budget=standing.left if own is None else min(own, standing.left)
            )
        if standing.low and asked.model == AUTO and asked.weights is None:
            self._downgraded = asked.strategy is not Strategy.CHEAPEST
            asked = msgspec.structs.replace(asked, strategy=Strategy.CHEAPEST)
        outlook = router.outlook(asked)
        if not (outlook.first or outlook.decision.candidates) and standing.left is not None:
            dear = any(one.reason is Reason.OVER_BUDGET for one in outlook.decision.rejected)
            if dear:
                # What this process knows of the budget may be old: the books decide, over the cheapest.
                unbound = msgspec.structs.replace(asked, budget=_ANY if own is None else own)
                outlook = router.outlook(unbound).cheapest_first()
        self._asked, self._outlook = asked, outlook
        if (asked.explained or not outlook.first) and not outlook.decision.candidates:
            raise NothingFitsError(outlook.decision, asked.model, asked.size.tokens)
        return outlook

    async def _through(self, outlook: Outlook, ask: Ask[Result]) -> tuple[Result, Trial]:
        crew = self._crew
        crew.retries.earn()
        chain = Chain(
            outlook,
            credentials=crew.credentials,
            cooling=crew.watchers.cooling,
            limits=crew.limits,
            budget=crew.retries,
            rng=crew.rng,
            left=self.left,
            stream=self._asked.stream,
        )
        while (turn := chain.next()) is not None:
            if turn.pause:
                await asyncio.sleep(turn.pause)
            await self._funds.cover(self.spent(), turn.candidate.most)
            trial = self._begin(turn, hedge=False)
            if self._asked.hedge:
                found = await self._race(trial, ask, chain)
                if found is not None:
                    return found
                continue
            try:
                return await self._try(trial, ask), trial
            except ProviderError as error:
                chain.failed(turn, error)
        raise AllFailedError(self.outlook.decision, self.attempts(), chain.last)

    def _begin(self, turn: Turn, *, hedge: bool) -> Trial:
        trial = Trial(self._crew.watchers, turn, self._asked.size, hedge=hedge)
        self._trials.append(trial)
        return trial

    async def _try(self, trial: Trial, ask: Ask[Result]) -> Result:
        """Raises ProviderError; a time-out is one."""
        try:
            with self._crew.alarms.limit(trial.turn.timeout):
                return await ask(trial)
        except ProviderError as error:
            trial.failed(error)
            raise
        except TimeoutError:
            detail = f"no answer within {trial.turn.timeout:.1f} s"
            late = ProviderError(Failure.TIMEOUT, trial.turn.candidate.model.provider, detail)
            trial.failed(late)
            raise late from None
        except BaseException:
            trial.given_up()
            raise

    async def _race(self, first: Trial, ask: Ask[Result], chain: Chain) -> tuple[Result, Trial] | None:
        """The first answer of two, the second asked when the first takes long. None: both failed."""
        candidate = first.turn.candidate
        expected = candidate.first_token if self._asked.stream else candidate.seconds
        trials = {asyncio.create_task(self._try(first, ask)): first}
        won: asyncio.Task[Result] | None = None
        try:
            late = not (await asyncio.wait(trials, timeout=self._crew.limits.hedge * expected))[0]
            if late and (second := await self._second(first, chain)):
                trials[asyncio.create_task(self._try(second, ask))] = second
            waiting = set(trials)
            while waiting and won is None:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                won = self._winner([task for task in trials if task in done], trials, chain)
            return None if won is None else (won.result(), trials[won])
        finally:
            await self._call_off([(task, trial) for task, trial in trials.items() if task is not won])

    async def _second(self, first: Trial, chain: Chain) -> Trial | None:
        """The trial of a hedge, where another candidate is there and the budget bears both."""
        turn = chain.beside()
        if turn is None:
            return None
        try:
            await self._funds.cover(self.spent() + first.turn.candidate.most, turn.candidate.most)
        except (BudgetExhaustedError, BudgetsUnavailableError):
            return None
        return self._begin(turn, hedge=True)

    def _winner(
        self, done: list[asyncio.Task[Result]], trials: dict[asyncio.Task[Result], Trial], chain: Chain
    ) -> asyncio.Task[Result] | None:
        """Raises what is not a provider's failure, and the failure that is the request's own fault."""
        for task in done:
            error = task.exception()
            if error is None:
                return task
            if not isinstance(error, ProviderError):
                raise error
            chain.failed(trials[task].turn, error)
        return None

    async def _call_off(self, losers: list[tuple[asyncio.Task[Result], Trial]]) -> None:
        for task, _ in losers:
            task.cancel()
        if losers:
            await asyncio.wait([task for task, _ in losers])
        for task, trial in losers:
            if not task.cancelled() and task.exception() is None and self._discard is not None:
                await self._discard(task.result())
                trial.given_up()

    def end(self, error: BaseException | None) -> None:
        """The request is over; the second call does nothing. What is owed is settled in a task of its own."""
        if self._served is not None:
            return
        for trial in self._trials:
            trial.given_up()
        spent = self.spent()
        served = self._served = self._account(error, spent)
        if not self._funds.owed:
            self._crew.ledger.record(served)
            return
        task = asyncio.get_running_loop().create_task(self._settle(served, spent))
        self._crew.ending.add(task)
        task.add_done_callback(self._crew.ending.discard)

    async def _settle(self, served: Served, spent: int) -> None:
        try:
            await self._funds.settle(spent)
        except Exception:
            # The reservation counts as spent when it expires; the answer is out already.
            logger().exception("a reservation was not settled", request_id=served.request_id)
        self._crew.ledger.record(served)

    def _account(self, error: BaseException | None, spent: int) -> Served:
        firsts = [one.first_at for one in self._trials if one.first_at is not None]
        return Served(
            request_id=self._request_id,
            caller=self._asked.caller,
            task=self._asked.task,
            asked=self._asked.model,
            outcome=outcome_of(error),
            seconds=self._clock() - self.began,
            first_token=min(firsts) - self.began if firsts else None,
            cost=spent,
            attempts=self.attempts(),
            streamed=self._asked.stream,
            downgraded=self._downgraded,
        )
