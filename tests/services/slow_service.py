"""A service with one request that lasts until a file appears: `python -m slow_service`."""

import asyncio
import os
from pathlib import Path

from fastapi import APIRouter, FastAPI
from richesreach.core.app import build_app
from richesreach.core.logs import logger
from richesreach.core.server import run
from richesreach.core.settings import Settings

router = APIRouter()


@router.get("/slow")
async def slow() -> dict[str, bool]:
    logger().info("slow_request_began")
    release = Path(os.environ["RELEASE_FILE"])
    while not await asyncio.to_thread(release.exists):  # noqa: ASYNC110 (another process makes the file)
        await asyncio.sleep(0.01)
    return {"finished": True}


def create(settings: Settings) -> FastAPI:
    return build_app(settings, title="slow", openapi_path="/openapi.json", routers=[router])


if __name__ == "__main__":
    run(create)
