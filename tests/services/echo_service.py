"""A service that answers with the headers that it got and the status that it is asked for."""

from collections import Counter

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse
from richesreach.core.app import build_app
from richesreach.core.server import run
from richesreach.core.settings import Settings

router = APIRouter()
asked: Counter[str] = Counter()


@router.api_route("/status/{status}", methods=["GET", "POST"])
async def answer(status: int, request: Request) -> JSONResponse:
    asked[request.url.path] += 1
    return JSONResponse(dict(request.headers), status)


@router.get("/moved")
async def moved() -> RedirectResponse:
    return RedirectResponse("/asked")


@router.get("/asked")
async def how_often() -> dict[str, int]:
    return dict(asked)


def create(settings: Settings) -> FastAPI:
    return build_app(settings, title="echo", openapi_path="/openapi.json", routers=[router])


if __name__ == "__main__":
    run(create)
