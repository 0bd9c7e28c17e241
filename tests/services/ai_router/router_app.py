"""The router as a task runs it: its settings, its application, and who asks it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from gateway_task import Environment
from mock_provider import MockProvider
from richesreach.ai_router.app import create_app
from richesreach.ai_router.settings import AiSettings
from richesreach.core import logs
from richesreach.core.auth.identity import Identity
from richesreach.core.auth.refusals import RefusedCredentialError
from richesreach.core.settings import Settings

KEY = "rr_viewer"
KEYS = {
    KEY: Identity.with_roles("user-1", frozenset({"viewer"}), "key"),
    "rr_poor": Identity.with_roles("poor", frozenset({"viewer"}), "key"),
    "rr_nothing": Identity("user-2", frozenset(), frozenset(), "key"),
}


def secret(mock: MockProvider, **changes: Any) -> dict[str, Any]:
    """Every provider at the mock."""
    keys = [{"id": "a", "key": "sk-test-aaaa"}]
    return {
        "openai": {"keys": keys, "base_url": f"{mock.url}/v1"},
        "anthropic": {"keys": keys, "base_url": mock.url},
        "google": {"keys": keys, "base_url": mock.url},
        "bedrock": {"keys": keys, "base_url": mock.url, "region": "eu-west-1"},
        **changes,
    }


def ai_settings(providers: object, **environ: str) -> AiSettings:
    given = {"SECRET_AI_PROVIDERS": json.dumps(providers), "AI_PRIVATE_PROVIDERS": "true"}
    return AiSettings.from_environment({**given, **environ})


async def find_key(key: str) -> Identity:
    if key not in KEYS:
        raise RefusedCredentialError("unknown_api_key", "The API key is not known.")
    return KEYS[key]


def router_app(environment: Environment, own: AiSettings) -> FastAPI:
    settings = Settings.from_environment({**environment, "SERVICE_NAME": "ai-router"})
    logs.configure(service=settings.service_name, region=settings.region, level=settings.log_level)
    app = create_app(settings, own)
    app.state.authenticator.find_key = find_key
    return app


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    headers = {"authorization": f"Bearer {KEY}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://ai-router", headers=headers) as client,
    ):
        yield client
