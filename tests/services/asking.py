"""Asking the gateway as a user's program does: GraphQL over HTTP, with the token of a user where wanted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from gateway_task import Environment, client_of, gateway_app
from token_issuer import Issuer

# So many that no test meets the limit that is not about it.
UNLIMITED = {"RATE_LIMIT_TIERS": "anonymous=1000000/1,key=1000000/1"}


@dataclass
class Asker:
    http: httpx.AsyncClient
    issuer: Issuer | None = None

    def bearer(self, subject: str, *groups: str) -> dict[str, str]:
        assert self.issuer is not None, "this test needs an issuer"
        token = self.issuer.token(*(groups or ("viewer",)), sub=subject)
        return {"authorization": f"Bearer {token}"}

    async def post(
        self,
        query: str | None,
        variables: dict[str, Any] | None = None,
        *,
        subject: str | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        body = {"query": query, "variables": variables, **more}
        shown = {**(self.bearer(subject) if subject else {}), **(headers or {})}
        return await self.http.post("/graphql", json=body, headers=shown)

    async def data(self, query: str, variables: dict[str, Any] | None = None, **more: Any) -> Any:
        """What a query that succeeds answers."""
        response = await self.post(query, variables, **more)
        body = response.json()
        assert (response.status_code, body.get("errors")) == (200, None), body
        return body["data"]

    async def errors(self, query: str, variables: dict[str, Any] | None = None, **more: Any) -> list[Any]:
        """The errors of a query that does not."""
        found: list[Any] = (await self.post(query, variables, **more)).json()["errors"]
        return found


@asynccontextmanager
async def asking(environment: Environment, issuer: Issuer | None = None) -> AsyncIterator[Asker]:
    told = {**UNLIMITED, **environment, **(issuer.variables if issuer else {})}
    async with client_of(gateway_app(told)) as client:
        yield Asker(client, issuer)


def somebody() -> str:
    """A subject that nobody was before."""
    return str(uuid4())
