"""`POST /ai/analyze/market`. Without any provider the summary is a plain one of our own."""

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from richesreach.ai_router.api import Asking
from richesreach.ai_router.tasks import description
from richesreach.ai_router.tasks.bodies import read_body
from richesreach.ai_router.tasks.market.schemas import MarketAnswer, MarketRequest
from richesreach.ai_router.tasks.market.service import analyse
from richesreach.ai_router.tasks.market.store import MarketStore
from richesreach.core.problems import MEDIA_TYPE

router = APIRouter(tags=["tasks"])

_EXAMPLES: Mapping[str, Any] = {
    "two symbols": {"symbols": ["AAPL", "NVDA"], "days": 90, "question": "Which is the calmer one?"}
}


@router.post(
    "/ai/analyze/market",
    openapi_extra=description.request_body(MarketRequest, _EXAMPLES),
    responses={
        200: description.response(MarketAnswer, "Figures, a summary, and a view for each symbol."),
        422: {"description": "The request is wrong.", "content": {MEDIA_TYPE: {}}},
    },
    response_class=Response,
)
async def analyze_market(request: Request, caller: Asking) -> Response:
    """Indicators of the platform's own bars, and what they say in words whose numbers were checked."""
    asked = read_body(await request.body(), MarketRequest)
    store = MarketStore(request.app.state.platform.database)
    models = getattr(request.app.state, "ai", None)
    found = await analyse(asked, store, models, caller, request.state.request_id)
    return Response(msgspec.json.encode(found), media_type="application/json")
