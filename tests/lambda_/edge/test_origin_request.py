"""Who passes to a protected path, and what the others are told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lambda_.edge.conftest import NOW, Gate, Issuer, encode

SHARED = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def bearer(token: str) -> str:
    return f"Bearer {token}"


def test_valid_token_with_the_role_goes_on(gate: Gate, issuer: Issuer) -> None:
    assert gate.status(authorization=bearer(issuer.token())) == 0


def test_request_goes_on_unchanged(gate: Gate, issuer: Issuer) -> None:
    sent = gate.ask(authorization=bearer(issuer.token()))
    assert sent["headers"]["authorization"][0]["value"].startswith("Bearer ey")
    assert sent["uri"] == "/api/admin/users"


def test_path_that_is_not_protected_asks_for_nothing(gate: Gate) -> None:
    assert gate.status("/api/topology/beacons") == 0


@pytest.mark.parametrize("path", ["/api/admin/users", "/api/status/cache/clear", "/api/me"])
def test_nobody_passes_without_a_token(path: str, gate: Gate) -> None:
    assert gate.status(path) == 401


def test_refusal_is_a_problem_that_names_the_request(gate: Gate) -> None:
    refused = gate.ask(x_request_id="request-1")
    headers = {name: values[0]["value"] for name, values in refused["headers"].items()}
    problem = json.loads(refused["body"])
    assert headers["content-type"] == "application/problem+json"
    assert headers["www-authenticate"] == 'Bearer realm="richesreach"'
    assert headers["cache-control"] == "no-store"
    assert headers["x-request-id"] == problem["request_id"] == "request-1"
    assert (problem["status"], problem["title"]) == (401, "Unauthorized")


def test_wrong_token_is_told_so_in_the_challenge(gate: Gate, issuer: Issuer) -> None:
    refused = gate.ask(authorization=bearer(issuer.token(exp=NOW - 3600)))
    assert 'error="invalid_token"' in refused["headers"]["www-authenticate"][0]["value"]
    assert json.loads(refused["body"])["detail"] == "the token has expired"


def test_token_without_the_role_is_forbidden_and_told_which_it_lacks(gate: Gate, issuer: Issuer) -> None:
    refused = gate.ask(authorization=bearer(issuer.token({}, **{"cognito:groups": ["viewer"]})))
    assert refused["status"] == "403"
    assert "admin" in json.loads(refused["body"])["detail"]
    assert 'error="insufficient_scope"' in refused["headers"]["www-authenticate"][0]["value"]


def test_path_without_roles_takes_any_valid_token(gate: Gate, issuer: Issuer) -> None:
    assert gate.status("/api/me", authorization=bearer(issuer.token(**{"cognito:groups": None}))) == 0


def test_scope_of_the_resource_server_is_a_role(gate: Gate, issuer: Issuer) -> None:
    token = issuer.token(client_id="service-client", scope="richesreach/service", **{"cognito:groups": None})
    assert gate.status("/api/status/cache/clear", authorization=bearer(token)) == 0
    assert gate.status("/api/admin/users", authorization=bearer(token)) == 403


@pytest.mark.parametrize("scope", ["admin", "other/admin", "richesreach/admins", "xrichesreach/admin"])
def test_scope_of_another_server_is_none(scope: str, gate: Gate, issuer: Issuer) -> None:
    token = issuer.token(scope=scope, **{"cognito:groups": None})
    assert gate.status(authorization=bearer(token)) == 403


def test_api_key_is_left_to_the_service(gate: Gate) -> None:
    assert gate.status(authorization="Bearer rr_0123456789abcdef") == 0
    assert gate.status(x_api_key="rr_0123456789abcdef") == 0


def test_other_keys_are_no_api_keys(gate: Gate) -> None:
    assert gate.status(x_api_key="sk_0123456789abcdef") == 401
    assert gate.status(authorization="Basic rr_0123456789abcdef") == 401


def test_websocket_upgrade_is_left_to_the_service(gate: Gate) -> None:
    assert gate.status(upgrade="WebSocket", connection="Upgrade") == 0


CLAIMS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Other"},
    "no issuer": {"iss": None},
    "another client": {"client_id": "somebody-else"},
    "an identity token": {"token_use": "id"},
    "expired": {"exp": NOW - 31},
    "no expiry": {"exp": None},
    "expiry as text": {"exp": str(NOW + 3600)},
    "expiry as truth": {"exp": True},
    "not valid yet": {"nbf": NOW + 31},
    "issued tomorrow": {"iat": NOW + 86_400},
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS.keys())
def test_token_that_says_otherwise_is_refused(claims: dict[str, Any], gate: Gate, issuer: Issuer) -> None:
    assert gate.status(authorization=bearer(issuer.token(**claims))) == 401


HEADERS: dict[str, dict[str, Any]] = {
    "no signature": {"alg": "none"},
    "a shared secret": {"alg": "HS256"},
    "another digest": {"alg": "RS512"},
    "an extension": {"crit": ["exp"]},
    "an unknown key": {"kid": "key-2"},
    "no key": {"kid": None},
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_token_signed_another_way_is_refused(header: dict[str, Any], gate: Gate, issuer: Issuer) -> None:
    assert gate.status(authorization=bearer(issuer.token(header))) == 401


def test_token_of_another_key_under_this_keys_id_is_refused(
    gate: Gate, other_private_key: rsa.RSAPrivateKey
) -> None:
    assert gate.status(authorization=bearer(Issuer(other_private_key).token())) == 401


def test_claims_cannot_be_changed_after_signing(gate: Gate, issuer: Issuer) -> None:
    header, _, signature = issuer.token({}, **{"cognito:groups": ["viewer"]}).split(".")
    _, claims, _ = issuer.token().split(".")
    assert gate.status(authorization=bearer(f"{header}.{claims}.{signature}")) == 401


@SHARED
@given(text=st.text(max_size=120))
def test_no_text_is_taken_for_a_token(text: str, gate: Gate) -> None:
    assert gate.status(authorization=f"Bearer {text}") == (0 if text.strip().startswith("rr_") else 401)


@SHARED
@given(parts=st.lists(st.binary(max_size=60), min_size=1, max_size=5))
def test_no_parts_are_taken_for_a_token(parts: list[bytes], gate: Gate) -> None:
    assert gate.status(authorization=bearer(".".join(map(encode, parts)) or "x")) == 401


@SHARED
@given(rest=st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=40))
def test_everything_below_a_protected_folder_is_protected(rest: str, gate: Gate) -> None:
    assert gate.status(f"/api/admin/{rest}") == 401


@pytest.mark.parametrize("path", ["/api/admin", "/api/administrator", "/api/status/cache/clear/x", "/api/ME"])
def test_neighbours_of_protected_paths_are_not(path: str, gate: Gate) -> None:
    assert gate.status(path) == 0


def test_two_authorization_headers_are_none(gate: Gate, issuer: Issuer) -> None:
    values = [{"key": "Authorization", "value": bearer(issuer.token())}] * 2
    assert gate.index.header({"headers": {"authorization": values}}, "authorization") == ""
