"""Lambda@Edge at origin-request: who may pass to a protected path.

It stands before the origin of the behaviours that carry protected paths, none of which caches. A bearer
token is verified here; an API key (``rr_…``) and a WebSocket upgrade pass, for the service to judge: it
verifies every request again, whatever came through here.

Lambda@Edge has no environment variables. What is known at synth is in ``configuration.json`` beside this
file: ``{"protected": [{"path", "roles"}], "scope_prefix"}``. What a deployment generates (pool and client
ids) comes as custom headers of the origin, which a viewer cannot set: ``x-token-issuer``,
``x-token-audience``. Event: "Lambda@Edge event structure", Amazon CloudFront developer guide.
"""

from __future__ import annotations

import functools
import json
import re
import time
from pathlib import Path
from typing import Any

import access_token
import key_set

ISSUER, AUDIENCE = "x-token-issuer", "x-token-audience"

API_KEY_PREFIX = "rr_"

_BEARER = re.compile(r"^bearer +([A-Za-z0-9._~+/=-]+)$", re.IGNORECASE)

Json = dict[str, Any]


class RefusedError(Exception):
    """The request is answered here: status, title, detail, and the parameters of WWW-Authenticate."""

    def __init__(self, status: int, title: str, detail: str, challenge: str = "") -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.challenge = status, title, detail, challenge


def handler(event: Json, _context: Any) -> Json:
    """The request, when it may go on; else the answer to it."""
    request: Json = event["Records"][0]["cf"]["request"]
    try:
        check(request, configuration(), time.time())
    except RefusedError as refused:
        return answer(refused, header(request, "x-request-id"))
    return request


@functools.cache
def configuration() -> Json:
    """What synth wrote beside this file."""
    loaded: Json = json.loads(Path(__file__).with_name("configuration.json").read_text(encoding="utf-8"))
    return loaded


@functools.cache
def keys_of(issuer: str) -> key_set.KeySet:
    """One set of keys an issuer, for as long as this environment lives."""
    return key_set.KeySet(issuer)


def check(request: Json, settings: Json, now: float) -> None:
    """Returns when the request may go on.

    Raises:
        RefusedError: 401 without a valid token, 403 without the role, 503 while the keys cannot be had.
    """
    demands = demands_of(request["uri"], settings["protected"])
    if demands is None or header(request, "upgrade").lower() == "websocket":
        return
    given = header(request, "authorization")
    if carries_api_key(request, given):
        return
    if not given:
        raise RefusedError(401, "Unauthorized", "this path needs a bearer token or an API key")
    found = _BEARER.match(given.strip())
    if not found:
        raise RefusedError(
            401, "Unauthorized", "write `Authorization: Bearer <token>`", 'error="invalid_request"'
        )
    roles = _roles(found[1], request, settings, now)
    for demand in demands:
        if not roles & demand:
            needed = " or ".join(sorted(demand))
            raise RefusedError(
                403, "Forbidden", f"this path needs the role {needed}", 'error="insufficient_scope"'
            )


def _roles(token: str, request: Json, settings: Json, now: float) -> frozenset[str]:
    custom = request["origin"]["custom"]["customHeaders"]
    issuer = custom[ISSUER][0]["value"]
    expected = access_token.Expected(issuer, custom[AUDIENCE][0]["value"].split(), settings["scope_prefix"])
    try:
        return access_token.roles(token, expected, keys_of(issuer).find, now)
    except access_token.RefusedTokenError as refused:
        raise RefusedError(401, "Unauthorized", str(refused), 'error="invalid_token"') from None
    except key_set.KeysUnavailableError:
        raise RefusedError(
            503, "Service Unavailable", "tokens cannot be verified at the moment; try again"
        ) from None


def demands_of(path: str, protected: list[Json]) -> list[frozenset[str]] | None:
    """Of each set a request to ``path`` needs one role; none: any valid token; None: the path is not
    protected."""
    fitting = [frozenset(entry["roles"]) for entry in protected if fits(entry["path"], path)]
    return [roles for roles in fitting if roles] if fitting else None


def fits(pattern: str, path: str) -> bool:
    """CloudFront's path patterns: ``*`` any characters, ``?`` one, case matters."""
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, path, re.DOTALL) is not None


def carries_api_key(request: Json, authorization: str) -> bool:
    """An API key, in either of the places where the services look for one."""
    scheme, _, value = authorization.strip().partition(" ")
    bearer = value.strip() if scheme.lower() == "bearer" else ""
    return bearer.startswith(API_KEY_PREFIX) or header(request, "x-api-key").startswith(API_KEY_PREFIX)


def header(request: Json, name: str) -> str:
    """A header's value; empty when it is absent. More than one value reads as none: it is ambiguous."""
    values = request.get("headers", {}).get(name, [])
    return str(values[0]["value"]) if len(values) == 1 else ""


def answer(refused: RefusedError, request_id: str) -> Json:
    """The refusal as application/problem+json (RFC 9457) with the challenge of RFC 6750, 3."""
    body = {
        "type": "about:blank",
        "title": refused.title,
        "status": refused.status,
        "detail": refused.detail,
        **({"request_id": request_id} if request_id else {}),
    }
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    if refused.status in {401, 403}:
        challenge = 'Bearer realm="richesreach"' + (f", {refused.challenge}" if refused.challenge else "")
        headers["www-authenticate"] = challenge
    if refused.status == 503:
        headers["retry-after"] = "5"
    if request_id:
        headers["x-request-id"] = request_id
    return {
        "status": str(refused.status),
        "statusDescription": refused.title,
        "headers": {name: [{"key": name, "value": value}] for name, value in headers.items()},
        "body": json.dumps(body),
    }
