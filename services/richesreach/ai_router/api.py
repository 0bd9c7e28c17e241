"""`/ai/*`: routing with its reasons, in batches too; models; health."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from richesreach.ai_router import openai_api
from richesreach.ai_router.budgets.members import Members
from richesreach.ai_router.callers import SCOPE
from richesreach.ai_router.explained import model_body
from richesreach.ai_router.model import Caller
from richesreach.ai_router.outcomes import TOLD, refusal_of, tried
from richesreach.ai_router.presence import WhilePresent
from richesreach.ai_router.service import AiRouter, Answered
from richesreach.ai_router.streamed import Streaming
from richesreach.ai_router.wire.chat import ChatRequest, read_response
from richesreach.ai_router.wire.errors import RequestError
from richesreach.core.access import allows
from richesreach.core.auth.identity import Identity
from richesreach.core.problems import MEDIA_TYPE, problem_body

# Requests of one batch, and how many of them are under way at a time.
MOST_BATCH = 64
AT_A_TIME = 8

router = APIRouter(prefix="/ai", tags=["ai"])


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """Each of `requests` is what `/ai/route` takes, but no stream."""

    requests: list[msgspec.Raw]
    concurrency: int = AT_A_TIME


def _service(request: Request) -> AiRouter:
    service: AiRouter = request.app.state.ai
    return service


async def _caller(request: Request, who: Annotated[Identity, Depends(allows(SCOPE))]) -> Caller:
    members: Members = request.app.state.members
    return await members.caller(who)


Asking = Annotated[Caller, Depends(_caller)]
Service = Annotated[AiRouter, Depends(_service)]


@router.post("/route")
async def route(request: Request, who: Asking, service: Service) -> Response:
    """Ask the model that fits best, and tell why it was that one.

    Takes a chat request as `/v1/chat/completions` does, with `prompt` instead of `messages` where that is
    enough, and `model` left out for `auto`.
    """
    asked = read_route(await request.body())
    request_id: str = request.state.request_id
    if asked.streams:
        return _Stream(lambda: service.stream(asked, who, request_id))
    with WhilePresent(request.receive, openai_api.PATIENCE):
        answered = await service.chat(asked, who, request_id)
    return _json(told(service, answered, explain=asked.options.explain))


@router.post("/route/batch")
async def route_batch(request: Request, who: Asking, service: Service) -> Response:
    """Several requests, answered in their order; one that fails has its problem in its place."""
    try:
        batch = msgspec.json.decode(await request.body(), type=Batch)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"A batch is an object with requests: {error}", param="requests") from None
    if not 1 <= len(batch.requests) <= MOST_BATCH:
        raise RequestError(f"requests must hold 1 to {MOST_BATCH} requests.", param="requests")
    if not 1 <= batch.concurrency <= AT_A_TIME:
        raise RequestError(f"concurrency must be from 1 to {AT_A_TIME}.", param="concurrency")
    places = asyncio.Semaphore(batch.concurrency)

    async def one(number: int, body: bytes) -> dict[str, Any]:
        request_id = f"{request.state.request_id}/{number}"
        try:
            asked = read_route(body)
            if asked.streams:
                raise RequestError("A request of a batch cannot be a stream.", param="stream")
            async with places:
                answered = await service.chat(asked, who, request_id)
            return {"status": 200, **told(service, answered, explain=asked.options.explain)}
        except TOLD as error:
            refusal = refusal_of(error)
            code = refusal.code.replace("_", "-")
            problem = problem_body(request.scope, refusal.status, refusal.message, kind=code)
            return {"status": refusal.status, "problem": {**problem, **refusal.details}}

    with WhilePresent(request.receive, openai_api.PATIENCE):
        work = (one(number, bytes(body)) for number, body in enumerate(batch.requests))
        results = await asyncio.gather(*work)
    return _json({"results": results, "failed": sum(result["status"] != 200 for result in results)})


@router.get("/models")
async def models(who: Asking, service: Service) -> Response:
    """Every model of the catalogue: abilities, prices, and whether it can be asked now."""
    catalogue = service.catalogue
    found = [model_body(model, enabled=catalogue.enabled(model)) for model in catalogue.models]
    return _json({"models": found})


@router.get("/health", tags=["operations"])
async def health(service: Service) -> Response:
    """Which providers are enabled, and which of their keys and models are left alone at the moment."""
    providers = service.providers()
    for provider in providers.values():
        for closed in provider.get("left_alone", ()):
            # Which key it is, is for logs and metrics.
            closed["scope"] = closed["scope"].partition(":")[0] if ":" in closed["scope"] else closed["scope"]
    enabled = [provider["status"] for provider in providers.values() if provider["status"] != "disabled"]
    status = "ok" if enabled and "ok" in enabled else "degraded"
    return _json({"status": status, "providers": providers}, {"cache-control": "no-store"})


def read_route(body: bytes) -> ChatRequest:
    """A chat request, with the two liberties of `/ai/route`. Raises RequestError."""
    try:
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ChatRequest.read(body)  # tells what is wrong with it
    prompt = members.pop("prompt", None)
    if prompt is not None:
        if "messages" in members:
            raise RequestError("Send prompt or messages, not both.", param="prompt")
        members["messages"] = msgspec.Raw(b'[{"role":"user","content":%s}]' % bytes(prompt))
    members.setdefault("model", msgspec.Raw(b'"auto"'))
    return ChatRequest.read(msgspec.json.encode(members))


def told(service: AiRouter, answered: Answered, *, explain: bool) -> dict[str, Any]:
    """The answer of `/ai/route`."""
    response = read_response(answered.body)
    dispatched = answered.dispatched
    found: dict[str, Any] = {
        "content": response.text,
        "model": answered.model,
        "provider": answered.provider,
        "cost_microdollars": answered.microdollars,
        "usage": response.usage,
        "cache": answered.cached or "none",
        "attempts": tried(dispatched.attempts) if dispatched else [],
        "completion": msgspec.Raw(answered.body),
    }
    if dispatched is not None:
        found["seconds"] = round(dispatched.seconds, 4)
        if explain:
            found["decision"] = service.explained(dispatched)
            if answered.prepared is not None:
                found["decision"]["context"] = answered.prepared.told()
    return found


class _Stream(Response):
    """The events of `/v1`; errors before the first are problems, as everywhere on `/ai`."""

    def __init__(self, begin: Callable[[], Awaitable[Streaming]]) -> None:
        super().__init__()
        self._begin = begin

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await openai_api.stream(self._begin, receive, send)


def _json(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), headers=headers, media_type="application/json")


def problem_of(request: Request, error: Exception) -> Response:
    """Handles every error of `TOLD` outside `/v1`."""
    refusal = refusal_of(error)
    code = refusal.code.replace("_", "-")
    body = problem_body(request.scope, refusal.status, refusal.message, kind=code)
    if refusal.param is not None:
        body["param"] = refusal.param
    body |= refusal.details
    return JSONResponse(body, refusal.status, headers=refusal.all_headers(), media_type=MEDIA_TYPE)
