"""What may be done with API keys, and what with keys themselves."""

import asyncio

import httpx
import pytest
from key_holder import LIST, issued, person, status_with
from token_issuer import Issuer


async def test_a_key_may_do_no_more_than_its_owner(client: httpx.AsyncClient, signing: Issuer) -> None:
    for wanted in ({"roles": ["admin"]}, {"scopes": ["users:write"]}):
        answer = await client.post(LIST, headers=person(signing), json={"name": "x", **wanted})
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:richesreach:problem:beyond-caller")


async def test_a_key_makes_no_keys(client: httpx.AsyncClient, signing: Issuer) -> None:
    made = await issued(client, person(signing))
    answers = [
        await client.post(LIST, headers={"x-api-key": made["key"]}, json={"name": "x"}),
        await client.post(f"{LIST}/{made['id']}/rotate", headers={"x-api-key": made["key"]}),
    ]
    assert [answer.status_code for answer in answers] == [403, 403]


async def test_a_key_that_may_only_read_the_market_lists_no_keys(
    client: httpx.AsyncClient, signing: Issuer
) -> None:
    made = await issued(client, person(signing), scopes=["market:read"])
    assert await status_with(client, made["key"]) == 403


async def test_another_s_key_is_as_unknown_as_none(client: httpx.AsyncClient, signing: Issuer) -> None:
    made = await issued(client, person(signing, subject="owner-1"))
    other = person(signing, subject="owner-2")
    for key_id in (made["id"], "0" * 12):
        assert (await client.delete(f"{LIST}/{key_id}", headers=other)).status_code == 404
        assert (await client.post(f"{LIST}/{key_id}/rotate", headers=other)).status_code == 404
    assert await status_with(client, made["key"]) == 200


async def test_a_revoked_key_is_not_rotated(client: httpx.AsyncClient, signing: Issuer) -> None:
    made = await issued(client, person(signing))
    await client.delete(f"{LIST}/{made['id']}", headers=person(signing))
    answer = await client.post(f"{LIST}/{made['id']}/rotate", headers=person(signing))
    assert answer.status_code == 409


async def test_one_user_has_so_many_keys_and_no_more(client: httpx.AsyncClient, signing: Issuer) -> None:
    owner = person(signing, subject="collector")
    answers = await asyncio.gather(
        *(client.post(LIST, headers=owner, json={"name": f"key {number}"}) for number in range(23))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 20 + [409] * 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 81},
        {"name": "a\x00b"},
        {"name": "x", "roles": []},
        {"name": "x", "roles": ["root"]},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "expires_in_days": 0},
        {"name": "x", "expires_in_days": 10**12},
        {"name": "x", "owner": "somebody"},
    ],
)
async def test_what_no_key_can_be_made_of_is_refused(
    client: httpx.AsyncClient, signing: Issuer, body: dict[str, object]
) -> None:
    answer = await client.post(LIST, headers=person(signing), json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
