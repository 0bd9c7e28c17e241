"""Wiring of the gateway."""

from fastapi import FastAPI

from richesreach.core.app import build_app
from richesreach.core.settings import Settings
from richesreach.gateway import api
from richesreach.gateway.status import status
from richesreach.gateway.users import keys_api


def create_app(settings: Settings) -> FastAPI:
    return build_app(
        settings,
        title="RichesReach gateway",
        openapi_path="/api/openapi.json",
        routers=[status, api.topology, keys_api.router],
    )
