"""`POST /ai/sentiment/news`. Without a provider the small model judges alone, and says where it is unsure."""

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from richesreach.ai_router.api import Asking
from richesreach.ai_router.tasks import description
from richesreach.ai_router.tasks.bodies import read_body
from richesreach.ai_router.tasks.sentiment.schemas import NewsAnswer, NewsRequest
from richesreach.ai_router.tasks.sentiment.service import sentiment
from richesreach.core.problems import MEDIA_TYPE

router = APIRouter(tags=["tasks"])

_EXAMPLES: Mapping[str, Any] = {
    "two headlines": {
        "articles": [
            {"id": "1", "title": "Chipmaker lifts its full-year forecast", "symbols": ["NVDA"]},
            {"id": "2", "title": "Airline warns of a loss as fuel prices climb", "symbols": ["DAL"]},
        ]
    }
}


@router.post(
    "/ai/sentiment/news",
    openapi_extra=description.request_body(NewsRequest, _EXAMPLES),
    responses={
        200: description.response(NewsAnswer, "Every article judged, in their order."),
        422: {"description": "The request is wrong.", "content": {MEDIA_TYPE: {}}},
    },
    response_class=Response,
)
async def news_sentiment(request: Request, caller: Asking) -> Response:
    """Whether articles are good or bad news, each with who judged it and how sure that is."""
    asked = read_body(await request.body(), NewsRequest)
    models = getattr(request.app.state, "ai", None)
    found = await sentiment(asked, models, caller, request.state.request_id)
    return Response(msgspec.json.encode(found), media_type="application/json")
