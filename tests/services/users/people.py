"""Users as tests make them, by way of the API."""

import httpx
from token_issuer import bearer
from user_pool import PASSWORD

AUTH, ADMIN = "/api/auth", "/api/admin"


async def member(client: httpx.AsyncClient, email: str) -> tuple[dict[str, str], dict[str, str]]:
    """Who signed up and in: the header that says so, and the tokens."""
    account = {"email": email, "password": PASSWORD}
    assert (await client.post(f"{AUTH}/sign-up", json=account)).status_code == 202
    confirmed = await client.post(f"{AUTH}/confirm", json={"email": email, "code": "123456"})
    assert confirmed.status_code == 204, confirmed.text
    tokens = (await client.post(f"{AUTH}/sign-in", json=account)).json()
    return bearer(tokens["access_token"]), tokens


async def subject_of(client: httpx.AsyncClient, headers: dict[str, str]) -> str:
    subject: str = (await client.get("/api/users/me", headers=headers)).json()["subject"]
    return subject
