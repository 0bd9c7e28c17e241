"""Wiring of the gateway."""

from fastapi import FastAPI

from richesreach.core.app import build_app
from richesreach.core.settings import Settings
from richesreach.gateway import api


def create_app(settings: Settings) -> FastAPI:
    return build_app(
        settings,
        title="RichesReach gateway",
        openapi_path="/api/openapi.json",
        routers=[api.status, api.topology],
    )
