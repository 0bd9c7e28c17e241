"""What the gateway tells about itself."""

import httpx
import pytest
from gateway_task import Environment, client_of, gateway_app, task_environment

KEY = "sk-never-shown-2718"


async def test_the_configuration_has_the_form_of_the_requirements(gateway: httpx.AsyncClient) -> None:
    assert (await gateway.get("/api/status/config")).json() == {
        "environment": "test",
        "features": {"caching": True, "rate_limiting": True, "monitoring": True, "database": True},
        "api_integrations": {"total_configured": 0, "total_available": 8},
    }


async def test_a_key_is_counted_and_never_shown(environment: Environment) -> None:
    async with client_of(gateway_app({**environment, "OPENAI_API_KEY": KEY})) as client:
        configuration = await client.get("/api/status/config")
        services = await client.get("/api/status/services")
    assert configuration.json()["api_integrations"]["total_configured"] == 1
    assert services.json()["providers"]["openai"] == "enabled"
    assert KEY not in configuration.text + services.text


async def test_services_are_the_dependencies_and_the_providers(gateway: httpx.AsyncClient) -> None:
    response = await gateway.get("/api/status/services")
    body = response.json()
    assert (response.status_code, body["status"], body["region"]) == (200, "healthy", "eu-west-1")
    assert set(body["services"]) == {"database", "cache", "global_cache"}
    assert set(body["providers"].values()) == {"disabled"}


async def test_the_status_of_services_is_a_report_even_of_bad_news() -> None:
    async with client_of(gateway_app(task_environment(None, None))) as client:
        response = await client.get("/api/status/services")
    assert (response.status_code, response.json()["status"]) == (200, "down")


async def test_the_openapi_document_lists_the_public_paths(gateway: httpx.AsyncClient) -> None:
    document = (await gateway.get("/api/openapi.json")).json()
    assert {"/api/status/config", "/api/topology/beacons", "/health/detailed/"} <= document["paths"].keys()


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/api/unknown"])
async def test_what_is_not_served_is_a_problem(gateway: httpx.AsyncClient, path: str) -> None:
    response = await gateway.get(path)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
