"""What a request shows of itself: a bearer token, or an API key."""

from dataclasses import dataclass, field
from typing import Literal

from starlette.datastructures import Headers

from richesreach.core.auth.refusals import RefusedCredentialError

KEY_PREFIX = "rr_"
API_KEY = "x-api-key"
# A request without any of these headers shows nothing.
SHOWN = (b"authorization", API_KEY.encode())


@dataclass(frozen=True, slots=True)
class Credential:
    kind: Literal["key", "token"]
    value: str = field(repr=False)


def of_headers(headers: Headers) -> Credential | None:
    """The one credential shown; None without any.

    Raises RefusedCredentialError for more than one, or for what is none: which of two would count is a guess
    that an attacker makes better.
    """
    shown = [given for value in headers.getlist(API_KEY) if (given := value.strip())]
    found = [Credential("key", value) for value in shown]
    found += [of_authorization(value) for value in headers.getlist("authorization") if value.strip()]
    if len(set(found)) > 1:
        raise RefusedCredentialError("ambiguous", "Send one bearer token or one API key, not several.")
    return found[0] if found else None


def of_authorization(value: str) -> Credential:
    """The credential of an `Authorization` header. Raises RefusedCredentialError."""
    scheme, _, token = value.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or " " in token:
        raise RefusedCredentialError("malformed", "Write `Authorization: Bearer <token>`.")
    return Credential("key" if token.startswith(KEY_PREFIX) else "token", token)
