"""Who holds an API key: how it is issued to them, and how it is answered."""

import asyncio
import time

import httpx
from richesreach.core.auth import api_key
from richesreach.core.auth.key_directory import KIND
from richesreach.core.auth.key_record import KeyRecord
from token_issuer import Issuer, bearer

LIST = "/api/keys"


def person(signing: Issuer, *roles: str, subject: str = "trader-1") -> dict[str, str]:
    return bearer(signing.token(*(roles or ("trader",)), sub=subject))


async def issued(client: httpx.AsyncClient, token: dict[str, str], **body: object) -> dict[str, str]:
    answer = await client.post(LIST, headers=token, json={"name": "laptop", **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


async def status_with(client: httpx.AsyncClient, key: str, path: str = LIST) -> int:
    return (await client.get(path, headers={"x-api-key": key})).status_code


async def until(client: httpx.AsyncClient, key: str, status: int) -> None:
    """Wait until the key is answered so; not as long as a process would keep it without being told."""
    deadline = time.monotonic() + 0.8 * KIND.local
    while await status_with(client, key) != status:
        assert time.monotonic() < deadline, f"never {status}"
        await asyncio.sleep(0.05)


def record(key: api_key.ApiKey, **changed: object) -> KeyRecord:
    values = {
        "id": key.id,
        "owner": "user-1",
        "roles": ["viewer"],
        "scopes": None,
        "tier": None,
        "secret_hash": key.digest.hex(),
        "previous_hash": None,
        "previous_until": None,
        "expires_at": None,
        "revoked_at": None,
        **changed,
    }
    return KeyRecord(**values)  # type: ignore[arg-type]
