"""The OpenAPI document: every path, raw ones too, with examples that the service takes."""

from typing import Any

import httpx
import pytest
from richesreach.ai_router import description


@pytest.fixture
async def document(ask: httpx.AsyncClient) -> dict[str, Any]:
    response = await ask.get("/ai/openapi.json")
    assert "public" in response.headers["cache-control"]
    found: dict[str, Any] = response.json()
    return found


async def test_every_path_is_described(document: dict[str, Any]) -> None:
    wanted = {"/v1/chat/completions", "/v1/embeddings", "/v1/models", "/ai/route", "/ai/route/batch"}
    assert wanted | {"/ai/models", "/ai/health", "/ai/performance"} <= set(document["paths"])


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    def check(part: Any) -> None:
        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str):
                assert reference.rpartition("/")[2] in schemas, reference
            for below in part.values():
                check(below)
        elif isinstance(part, list):
            for below in part:
                check(below)

    check(document)


@pytest.mark.parametrize(
    ("path", "examples"),
    [
        ("/v1/chat/completions", description.CHAT),
        ("/v1/embeddings", description.EMBEDDINGS),
        ("/ai/route", description.ROUTE),
        ("/ai/route/batch", description.BATCH),
    ],
)
async def test_examples_are_answered(ask: httpx.AsyncClient, path: str, examples: dict[str, Any]) -> None:
    for name, example in examples.items():
        response = await ask.post(path, json=example)
        assert response.status_code == 200, f"{name}: {response.text}"
