"""What a request shows of itself: a bearer token, or an API key."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from richesreach.core.auth.refusals import RefusedCredentialError

KEY_PREFIX = "rr_"
API_KEY = "x-api-key"
# A request without any of these headers shows nothing.
SHOWN = (b"authorization", API_KEY.encode())
_AUTHORIZATION, _API_KEY = SHOWN


class Credential(NamedTuple):
    """Its repr does not show `value`."""

    kind: Literal["key", "token"]
    value: str

    def __repr__(self) -> str:
        return f"Credential(kind={self.kind!r})"


def of_headers(headers: Iterable[tuple[bytes, bytes]]) -> Credential | None:
    """The one credential shown by headers as ASGI has them; None without any.

    Raises RefusedCredentialError for more than one, or for what is none: which of two would count is a guess
    that an attacker makes better.
    """
    found: list[Credential] = []
    for name, value in headers:
        if name == _AUTHORIZATION:
            if given := value.decode("latin-1").strip():
                found.append(of_authorization(given))
        elif name == _API_KEY and (given := value.decode("latin-1").strip()):
            found.append(Credential("key", given))
    if len(found) > 1 and len(set(found)) > 1:
        raise RefusedCredentialError("ambiguous", "Send one bearer token or one API key, not several.")
    return found[0] if found else None


def of_authorization(value: str) -> Credential:
    """The credential of an `Authorization` header. Raises RefusedCredentialError."""
    scheme, _, token = value.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or " " in token:
        raise RefusedCredentialError("malformed", "Write `Authorization: Bearer <token>`.")
    return Credential("key" if token.startswith(KEY_PREFIX) else "token", token)
