"""Access tokens of the user pool: RS256 alone, the issuer, the client, the time, and the roles they carry.

Source: RFC 7519 (claims), RFC 8725 (best practice: one algorithm, never the token's choice); "Understanding
the access token", Amazon Cognito developer guide.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import rs256

#: Seconds that clocks may differ.
LEEWAY = 30

#: A Cognito access token has some 1 to 2 KB; headers of CloudFront end at 20 KB.
LONGEST = 8192

FindKey = Callable[[str], "rs256.PublicKey | None"]


class RefusedTokenError(Exception):
    """The token is not accepted; the message is fit for its bearer."""


@dataclass(frozen=True)
class Expected:
    """What a token must say. ``scope_prefix`` is the resource server's identifier with a slash."""

    issuer: str
    audience: Collection[str]
    scope_prefix: str


def roles(token: str, expected: Expected, find_key: FindKey, now: float) -> frozenset[str]:
    """Roles of a valid token: its groups, and its scopes of the platform's resource server.

    Raises:
        RefusedTokenError: malformed, wrongly signed, not from the issuer, not for these clients, or not in
        time.
    """
    claims = _verified(token, find_key)
    if claims.get("iss") != expected.issuer:
        raise RefusedTokenError("the token is from another issuer")
    if claims.get("token_use") != "access":
        raise RefusedTokenError("the token is no access token")
    if claims.get("client_id") not in expected.audience:
        raise RefusedTokenError("the token was issued to another client")
    _check_time(claims, now)
    groups = claims.get("cognito:groups", [])
    scope = claims.get("scope", "")
    found = {group for group in groups if isinstance(group, str)} if isinstance(groups, list) else set()
    if isinstance(scope, str):
        prefix = expected.scope_prefix
        found |= {part.removeprefix(prefix) for part in scope.split() if part.startswith(prefix)}
    return frozenset(found)


def _verified(token: str, find_key: FindKey) -> dict[str, Any]:
    if len(token) > LONGEST:
        raise RefusedTokenError("the token is too long")
    parts = token.split(".")
    if len(parts) != 3:
        raise RefusedTokenError("the token is malformed")
    try:
        header, claims = _object(parts[0]), _object(parts[1])
        signature = rs256.decode(parts[2])
    except (ValueError, RecursionError):
        raise RefusedTokenError("the token is malformed") from None
    # The algorithm is ours to say; `crit` names extensions that must be understood, and none is.
    if header.get("alg") != "RS256" or "crit" in header or not isinstance(header.get("kid"), str):
        raise RefusedTokenError("the token is not signed as this platform's are")
    key = find_key(header["kid"])
    if key is None or not rs256.verify(key, f"{parts[0]}.{parts[1]}".encode("ascii"), signature):
        raise RefusedTokenError("the token's signature is not valid")
    return claims


def _object(part: str) -> dict[str, Any]:
    loaded = json.loads(rs256.decode(part).decode("utf-8"))
    if not isinstance(loaded, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  (a malformed token, not a wrong argument)
    return loaded


def _check_time(claims: dict[str, Any], now: float) -> None:
    expires, begins = claims.get("exp"), claims.get("nbf", claims.get("iat", 0))
    for value in (expires, begins):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RefusedTokenError("the token does not say when it is valid")
    if now >= expires + LEEWAY:
        raise RefusedTokenError("the token has expired")
    if now < begins - LEEWAY:
        raise RefusedTokenError("the token is not valid yet")
