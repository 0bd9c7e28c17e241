"""Access tokens of the user pool: RS256 alone, the issuer, the client, the time, and the roles they carry.

The signature and the times are PyJWT's; the algorithm, the key and every claim that decides are ours to say.
Source: RFC 7519 (claims), RFC 8725 (best practice: one algorithm, never the token's choice); "Understanding
the access token", Amazon Cognito developer guide.
"""

import hashlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeAlias

import jwt

from richesreach.core.auth.identity import Identity
from richesreach.core.auth.key_set import KeySet
from richesreach.core.auth.refusals import RefusedCredentialError
from richesreach.core.auth.roles import ROLES

# Seconds that clocks may differ.
LEEWAY = 30
# A Cognito access token has some 1 to 2 KB.
LONGEST = 8192
# Some 1 KB each.
MOST_REMEMBERED = 4096
# Of the resource server's scopes: a machine's token says `richesreach/service`.
SCOPE_PREFIX = "richesreach/"
_ACCESS = "access"
_REQUIRED = ("exp", "iat", "iss", "sub", "client_id", "token_use")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say: who issued it, and to which clients."""

    issuer: str
    audience: Collection[str]


# Whether somebody's tokens that were issued at this time, in Unix seconds, count no longer.
Revoked: TypeAlias = Callable[[str, float], bool]


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A token that was found valid: by which key, and until when (Unix seconds, exclusive)."""

    key_id: str
    key: Any
    until: float
    issued: float
    bearer: Identity


class AccessTokens:
    """Verifies tokens of one issuer, and remembers those that were valid by their hash.

    A signature takes longer to check than most calls take to answer, and callers show one token for an hour.
    Of a remembered one all is asked again that can change: its time, whether its key is still published, and
    whether it was revoked.
    """

    def __init__(self, expected: Expected, keys: KeySet, revoked: Revoked) -> None:
        self._expected = expected
        self._keys = keys
        self._revoked = revoked
        self._accepted: dict[bytes, _Accepted] = {}

    async def verified(self, token: str) -> Identity:
        """The bearer of a valid token.

        Raises RefusedCredentialError, and KeysUnavailableError where the issuer's keys cannot be had.
        """
        if len(token) > LONGEST:
            raise RefusedCredentialError("malformed", "The token is too long.")
        # What no UTF-8 has is no token either, and is told so below.
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        found = self._accepted.get(digest)
        if (
            found is None
            or time.time() >= found.until
            or await self._keys.find(found.key_id) is not found.key
        ):
            self._accepted.pop(digest, None)
            found = await self._verified(token)
            if len(self._accepted) >= MOST_REMEMBERED:
                self._accepted.clear()
            self._accepted[digest] = found
        if self._revoked(found.bearer.subject, found.issued):
            raise RefusedCredentialError("revoked_token", "The token was revoked: sign in again.")
        return found.bearer

    async def _verified(self, token: str) -> _Accepted:
        key_id = _key_id(token)
        key = await self._keys.find(key_id)
        if key is None:
            raise RefusedCredentialError("unknown_key", "The token's signature is not valid.")
        claims = _claims(token, key, self._expected)
        # An id token is for the client that asked for it, and says nothing about what its bearer may do.
        if claims["token_use"] != _ACCESS:
            raise RefusedCredentialError("wrong_use", "The token is no access token.")
        if claims["client_id"] not in self._expected.audience:
            raise RefusedCredentialError("wrong_client", "The token was issued to another client.")
        return _Accepted(key_id, key, int(claims["exp"]) + LEEWAY, float(claims["iat"]), _bearer(claims))


def _key_id(token: str) -> str:
    """The id of the key that is said to have signed; nothing else of the header counts."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise RefusedCredentialError("malformed", "The token is malformed.") from None
    # `crit` names extensions that must be understood, and none is.
    if header.get("alg") != "RS256" or "crit" in header or not isinstance(header.get("kid"), str):
        raise RefusedCredentialError("wrong_algorithm", "The token is not signed as this platform's are.")
    key_id: str = header["kid"]
    return key_id


def _claims(token: str, key: Any, expected: Expected) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            issuer=expected.issuer,
            leeway=LEEWAY,
            # Cognito's access tokens name their client in `client_id`, and have no `aud`.
            options={"require": list(_REQUIRED), "verify_aud": False},
        )
    except jwt.ExpiredSignatureError:
        raise RefusedCredentialError("expired", "The token has expired.") from None
    except jwt.ImmatureSignatureError:
        raise RefusedCredentialError("not_yet_valid", "The token is not valid yet.") from None
    except jwt.InvalidIssuerError:
        raise RefusedCredentialError("wrong_issuer", "The token is from another issuer.") from None
    except jwt.InvalidSignatureError:
        raise RefusedCredentialError("wrong_signature", "The token's signature is not valid.") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
        raise RefusedCredentialError("malformed", "The token is malformed.") from None
    if not all(isinstance(claims[name], str) and claims[name] for name in ("sub", "client_id", "token_use")):
        raise RefusedCredentialError("malformed", "The token is malformed.")
    return claims


def _bearer(claims: dict[str, Any]) -> Identity:
    """A person has groups; a machine has no user, its client is the subject and its scope the role."""
    groups = claims.get("cognito:groups", [])
    found = {group for group in groups if isinstance(group, str)} if isinstance(groups, list) else set()
    scope = claims.get("scope", "")
    granted = scope.split() if isinstance(scope, str) else []
    found |= {part.removeprefix(SCOPE_PREFIX) for part in granted if part.startswith(SCOPE_PREFIX)}
    roles = frozenset(found & ROLES)
    machine = "username" not in claims
    subject = f"service:{claims['client_id']}" if machine else claims["sub"]
    return Identity.with_roles(subject, roles, "service" if machine else "user")
