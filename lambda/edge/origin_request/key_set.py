"""The issuer's public keys (JWKS): fetched once, cached in the execution environment, renewed on rotation.

Source: RFC 7517 (JSON Web Key Set); "Verifying JSON web tokens", Amazon Cognito developer guide.
"""

from __future__ import annotations

import json
import os
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import rs256

#: Seconds for which fetched keys are taken without asking again.
MAX_AGE = 3600.0

#: Least seconds between two fetches: a token with an invented key id must not make a request each time.
COOL_DOWN = 30.0

TIMEOUT = 2.0

_LARGEST = 256 * 1024

Fetch = Callable[[str], bytes]


class KeysUnavailableError(Exception):
    """The issuer's keys cannot be had, and none are known from earlier."""


def keys_url(issuer: str) -> str:
    """Where the issuer publishes its keys.

    ``AWS_ENDPOINT_URL`` is the AWS SDKs' own variable: it moves Cognito's endpoint here as it does for a
    client. Lambda@Edge never has it, a local AWS does.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    base = issuer
    if endpoint:
        base = endpoint.rstrip("/") + urllib.parse.urlsplit(issuer).path
    return f"{base}/.well-known/jwks.json"


def fetch(url: str) -> bytes:
    """The document at ``url``. Raises OSError."""
    if not url.startswith(("https://", "http://")):
        raise OSError(f"{url} is no web address")
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310  (the scheme is checked above)
        body: bytes = answer.read(_LARGEST)
    return body


class KeySet:
    """Keys of one issuer. ``clock`` gives seconds and never runs backwards."""

    def __init__(
        self, issuer: str, *, fetch: Fetch = fetch, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = keys_url(issuer)
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, rs256.PublicKey] = {}
        self._fetched: float | None = None
        self._asked: float | None = None

    def find(self, key_id: str) -> rs256.PublicKey | None:
        """The key with this id; None when the issuer does not publish it.

        Keys that are too old, or that lack the id, are fetched anew; while the issuer does not answer, those
        that are known go on serving.

        Raises:
            KeysUnavailableError: no keys have ever been had.
        """
        now = self._clock()
        stale = self._fetched is None or now - self._fetched > MAX_AGE
        if (stale or key_id not in self._keys) and self._may_ask(now):
            self._asked = now
            self._refresh(now)
        if self._fetched is None:
            raise KeysUnavailableError(self._url)
        return self._keys.get(key_id)

    def _may_ask(self, now: float) -> bool:
        return self._asked is None or now - self._asked >= COOL_DOWN

    def _refresh(self, now: float) -> None:
        try:
            found = _parse(self._fetch(self._url))
        except (OSError, ValueError) as error:
            reason = {"event": "keys_not_fetched", "url": self._url, "reason": str(error)}
            print(json.dumps(reason))  # noqa: T201  (Lambda's log is standard output)
            return
        if found:
            self._keys, self._fetched = found, now


def _parse(document: bytes) -> dict[str, rs256.PublicKey]:
    """Usable signature keys by id; others are passed over, as RFC 7517 5 asks. Raises ValueError."""
    loaded: Any = json.loads(document)
    if not isinstance(loaded, dict) or not isinstance(loaded.get("keys"), list):
        raise ValueError("no JSON Web Key Set")  # noqa: TRY004  (what the issuer sent, not an argument)
    keys: dict[str, rs256.PublicKey] = {}
    for jwk in loaded["keys"]:
        if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str):
            continue
        if jwk.get("use", "sig") != "sig" or jwk.get("alg", "RS256") != "RS256":
            continue
        try:
            keys[jwk["kid"]] = rs256.public_key(jwk)
        except rs256.InvalidKeyError:
            continue
    return keys
