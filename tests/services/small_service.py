"""A service of the core with one route that does nothing: `python -m small_service`."""

from fastapi import FastAPI
from richesreach.core.app import build_app
from richesreach.core.server import run
from richesreach.core.settings import Settings
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def small(_request: Request) -> JSONResponse:
    return JSONResponse({"symbol": "AAPL"})


def create(settings: Settings) -> FastAPI:
    app = build_app(settings, title="small", openapi_path="/openapi.json", routers=[])
    app.router.routes.insert(0, Route("/small", small))
    return app


if __name__ == "__main__":
    run(create)
