"""The router as a task runs it, with one API key that it knows already: `python -m bench_router`."""

from fastapi import FastAPI
from richesreach.ai_router.app import create_app
from richesreach.core.auth.identity import Identity
from richesreach.core.server import run
from richesreach.core.settings import Settings

KEY = "rr_bench"


async def _find_key(_key: str) -> Identity:
    return Identity.with_roles("bench", frozenset({"service"}), "key")


def create(settings: Settings) -> FastAPI:
    app = create_app(settings)
    app.state.authenticator.find_key = _find_key
    return app


if __name__ == "__main__":
    run(create)
