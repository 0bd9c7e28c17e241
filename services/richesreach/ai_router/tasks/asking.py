"""Tasks ask a language model through the router like everybody else: budgets, fallbacks, records hold.

A task must live without an answer: what stands in the way of one is `NoAnswerError`, with a reason to tell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from richesreach.ai_router.budgets.model import BudgetExhaustedError, BudgetsUnavailableError
from richesreach.ai_router.dispatching.faults import AllFailedError, NothingFitsError
from richesreach.ai_router.model import Caller, ProviderError
from richesreach.ai_router.tasks.description import schema_of
from richesreach.ai_router.wire.chat import ChatRequest, read_response
from richesreach.ai_router.wire.errors import RequestError
from richesreach.core.resilience.errors import CircuitOpenError, DeadlineExceededError

T = TypeVar("T")

_REASONS: Mapping[type[Exception], str] = {
    NothingFitsError: "no model can be asked",
    AllFailedError: "no model answered",
    ProviderError: "no model answered",
    BudgetExhaustedError: "the budget is spent",
    BudgetsUnavailableError: "budgets cannot be asked",
    CircuitOpenError: "no model answered",
    DeadlineExceededError: "no model answered in time",
    TimeoutError: "no model answered in time",
    RequestError: "the router refused the question",
}


class NoAnswerError(Exception):
    """No model gave an answer of the form that was asked for. The text is short and for the caller."""


class Replied(Protocol):
    """What the router gives: an answer in OpenAI's shape, whose it is, and what it cost."""

    @property
    def body(self) -> bytes: ...
    @property
    def model(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def microdollars(self) -> int: ...


class Models(Protocol):
    """The router, as far as tasks know it."""

    async def chat(self, request: ChatRequest, caller: Caller, request_id: str) -> Replied: ...


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """`answer` is the struct whose JSON is wanted, `task` what the router calls this kind of question."""

    task: str
    system: str
    data: Any
    answer: type[T]
    most_tokens: int
    deadline_ms: int = 20_000


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """An answer of the form that was wanted."""

    value: T
    model: str
    provider: str
    microdollars: int


async def ask(models: Models, question: Question[T], caller: Caller, request_id: str) -> Told[T]:
    """Raises NoAnswerError."""
    request = ChatRequest.read(msgspec.json.encode(_body(question)))
    try:
        replied = await models.chat(request, caller, request_id)
    except tuple(_REASONS) as error:
        raise NoAnswerError(_reason(error)) from error
    try:
        value = msgspec.json.decode(_plain(read_response(replied.body).text), type=question.answer)
    except msgspec.DecodeError as error:
        raise NoAnswerError(f"{replied.model} answered otherwise than asked") from error
    return Told(value, replied.model, replied.provider, replied.microdollars)


def _reason(error: Exception) -> str:
    return next(reason for kind, reason in _REASONS.items() if isinstance(error, kind))


def _body(question: Question[Any]) -> dict[str, Any]:
    """The data is the user's message as JSON: text of others stays data there, whatever it says."""
    messages: Sequence[Mapping[str, str]] = (
        {"role": "system", "content": question.system},
        {"role": "user", "content": msgspec.json.encode(question.data).decode()},
    )
    form = {"name": question.answer.__name__, "schema": schema_of(question.answer)}
    return {
        "model": "auto",
        "messages": messages,
        "temperature": 0,
        "max_tokens": question.most_tokens,
        "response_format": {"type": "json_schema", "json_schema": form},
        "richesreach": {"task": question.task, "deadline_ms": question.deadline_ms},
    }


def _plain(text: str) -> str:
    """Without the fence of Markdown that some models put around JSON all the same."""
    stripped = text.strip()
    if stripped.startswith("```"):
        stripped = stripped.partition("\n")[2].rpartition("```")[0]
    return stripped
