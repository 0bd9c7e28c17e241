"""Who calls, through the edge: tokens of the local user pool, accounts, and keys until they are revoked."""

from __future__ import annotations

import secrets

import pytest

from ops import identity
from stacks.environment import Environment
from tests.acceptance.client import Edge, eventually

ME = "/api/users/me"
PLACES = {"us-east-1": "New York", "eu-west-1": "Frankfurt", "ap-southeast-1": "Singapore"}

#: Longer than it takes until every region knows of a key, shorter than a region would keep one untold.
SECONDS = 20.0


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def tokens(environment: Environment) -> dict[str, str]:
    return identity.tokens(environment)


@pytest.fixture
def account(edge: Edge) -> dict[str, str]:
    """Somebody who signed up and confirmed, with the token that signing in gave."""
    who = {"email": f"{secrets.token_hex(8)}@example.org", "password": f"{secrets.token_urlsafe(24)}-aA1"}
    assert edge.post("/api/auth/sign-up", who).status == 202
    confirmed = edge.post("/api/auth/confirm", {"email": who["email"], "code": "123456"})
    assert confirmed.status == 204, confirmed.body
    return bearer(edge.post("/api/auth/sign-in", who).document["access_token"])


@pytest.mark.parametrize("role", identity.ROLES)
@pytest.mark.parametrize("region", PLACES)
def test_every_role_is_known_in_every_region(
    edge: Edge, tokens: dict[str, str], role: str, region: str
) -> None:
    answer = edge.get(ME, PLACES[region], tokens[role])
    assert (answer.status, answer.region) == (200, region), answer.body
    assert answer.document["roles"] == [role]


def test_printed_key_is_the_traders_and_the_one_before_is_revoked(edge: Edge, tokens: dict[str, str]) -> None:
    before = identity.api_key(edge.url, tokens["trader"])
    key = identity.api_key(edge.url, tokens["trader"])
    assert key.startswith("rr_")
    answer = edge.ask("GET", ME, credential={"x-api-key": key})
    assert (answer.status, answer.document["kind"], answer.document["roles"]) == (200, "key", ["trader"])
    assert edge.ask("GET", ME, credential=bearer(before)).status == 401


def test_from_sign_up_to_a_revoked_key_in_every_region(edge: Edge, account: dict[str, str]) -> None:
    issued = edge.ask("POST", "/api/keys", credential=account, document={"name": "acceptance"})
    assert issued.status == 201, issued.body
    key = {"x-api-key": issued.document["key"]}

    def status(place: str) -> int:
        return edge.ask("GET", ME, credential=key, place=place).status

    for place in PLACES.values():
        eventually(lambda place=place: status(place) == 200, f"{place} knows the key", SECONDS)  # type: ignore[misc]
    path = f"/api/keys/{issued.document['id']}"
    assert edge.ask("DELETE", path, credential=account).status == 204
    for place in PLACES.values():
        eventually(lambda place=place: status(place) == 401, f"{place} refuses the key", SECONDS)  # type: ignore[misc]


def test_edge_leaves_keys_to_the_service_and_stops_a_wrong_token(edge: Edge, tokens: dict[str, str]) -> None:
    key = {"x-api-key": identity.api_key(edge.url, tokens["trader"])}
    by_service = edge.ask("GET", "/api/admin/users", credential=key)
    by_edge = edge.ask("GET", "/api/admin/users", credential=bearer(tokens["trader"]))
    assert (by_service.status, by_edge.status) == (403, 403)
    assert "x-richesreach-region" in by_service.headers
    assert "x-richesreach-region" not in by_edge.headers
    assert edge.ask("GET", ME, credential=bearer("e30.e30.e30")).status == 401


def test_admin_sees_in_the_trail_what_was_done(
    edge: Edge, account: dict[str, str], tokens: dict[str, str]
) -> None:
    subject = edge.ask("GET", ME, credential=account).document["subject"]

    def noted() -> list[str]:
        page = edge.get(f"/api/admin/audit?target={subject}", token=tokens["admin"])
        return [event["action"] for event in page.document["events"]]

    assert eventually(noted, "the trail has it", SECONDS) == ["user.confirmed"]


def test_erased_account_is_gone(edge: Edge, account: dict[str, str]) -> None:
    erased = edge.ask("DELETE", ME, credential=account)
    assert (erased.status, erased.document["in_user_pool"]) == (200, True)
