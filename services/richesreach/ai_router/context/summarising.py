"""The summary of a long conversation, by the cheapest model that can hold it, at its caller's cost."""

from richesreach.ai_router.budgets.model import BudgetExhaustedError, BudgetsUnavailableError
from richesreach.ai_router.context.templates import SUMMARY
from richesreach.ai_router.dispatching.dispatcher import Dispatcher
from richesreach.ai_router.dispatching.faults import AllFailedError, NothingFitsError
from richesreach.ai_router.model import Caller, ProviderError
from richesreach.ai_router.routing.asking import Asker
from richesreach.ai_router.wire.chat import ChatRequest, read_response
from richesreach.ai_router.wire.errors import RequestError

# Without a summary the conversation is shortened by dropping: none of these is the caller's to hear.
_NO_SUMMARY = (
    AllFailedError,
    BudgetExhaustedError,
    BudgetsUnavailableError,
    NothingFitsError,
    ProviderError,
    RequestError,
)


class Summarising:
    """For one request; what it costs is recorded under the request's id with `-summary`."""

    def __init__(self, dispatcher: Dispatcher, asker: Asker, caller: Caller, request_id: str) -> None:
        self._dispatcher = dispatcher
        self._asker = asker
        self._caller = caller
        self._request_id = request_id

    async def summary(self, conversation: str, tokens: int) -> str | None:
        """At most `tokens` long; None where nobody gave one."""
        try:
            request = ChatRequest.of(
                # A token is some three quarters of a word.
                SUMMARY.render({"conversation": conversation, "words": max(20, tokens * 3 // 4)}),
                max_completion_tokens=tokens,
                richesreach={"strategy": "cheapest", "task": "summarisation"},
            )
            asked = self._asker.chat(request, self._caller)
            done = await self._dispatcher.answer(request, asked, f"{self._request_id}-summary")
        except _NO_SUMMARY:
            return None
        return read_response(done.answer.body).text.strip() or None
