"""The issuer's public keys (JWKS): fetched once, renewed on rotation, kept through an outage of the issuer.

Source: RFC 7517; "Verifying JSON web tokens", Amazon Cognito developer guide.
"""

import asyncio
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp
import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from richesreach.core.auth.refusals import KeysUnavailableError
from richesreach.core.logs import logger

# Seconds for which fetched keys are taken without asking again.
MAX_AGE = 3600.0
# Least seconds between two fetches: a token with an invented key id must not make a request each time.
FLOOR = 30.0
TIMEOUT = 2.0
LARGEST = 256 * 1024
# Bits. NIST SP 800-131A rules shorter ones out; longer ones would make each check expensive.
_SIZES = range(2048, 8193)


def keys_url(issuer: str, endpoint: str | None) -> str:
    """Where the issuer publishes its keys.

    `endpoint` is the AWS SDKs' own variable AWS_ENDPOINT_URL: it moves Cognito's endpoint here as it does
    for a client. Tasks in AWS never have it.
    """
    base = f"{endpoint.rstrip('/')}{urlsplit(issuer).path}" if endpoint else issuer
    return f"{base.rstrip('/')}/.well-known/jwks.json"


class KeySet:
    """Keys of one issuer. `clock` gives seconds and never runs backwards."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: dict[str, RSAPublicKey] = {}
        self._fetched: float | None = None
        self._asked: float | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None

    async def find(self, key_id: str) -> RSAPublicKey | None:
        """The key with this id; None when the issuer does not publish it.

        A known key is handed out at once, and renewed beside that when it is old. Only an unknown one makes
        its caller wait. Raises KeysUnavailableError when no keys have ever been had.
        """
        now = self._clock()
        known = self._keys.get(key_id)
        old = self._fetched is None or now - self._fetched > MAX_AGE
        renewal = self._renewing(now) if old or known is None else None
        if known is None and renewal is not None:
            # Shielded: a caller that leaves does not end the fetch for those that wait with it.
            await asyncio.shield(renewal)
            known = self._keys.get(key_id)
        if self._fetched is None:
            raise KeysUnavailableError(self._url)
        return known

    async def close(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
        if self._session is not None:
            await self._session.close()

    def _renewing(self, now: float) -> "asyncio.Task[None] | None":
        """The fetch that is under way, or a new one; None while it is too early for one."""
        if self._renewal is not None and not self._renewal.done():
            return self._renewal
        if self._asked is not None and now - self._asked < FLOOR:
            return None
        self._asked = now
        self._renewal = asyncio.create_task(self._renew(now), name="token-keys")
        return self._renewal

    async def _renew(self, now: float) -> None:
        try:
            found = parse(await self._fetch())
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            logger().warning("token_keys_not_fetched", url=self._url, error=type(error).__name__)
            return
        if found:
            self._keys, self._fetched = found, now
        else:
            logger().warning("token_keys_not_fetched", url=self._url, error="no usable key in the answer")

    async def _fetch(self) -> bytes:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        async with self._session.get(self._url, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            body = bytearray()
            async for part in response.content.iter_any():
                body += part
                if len(body) > LARGEST:
                    raise ValueError(f"more than {LARGEST} bytes")
            return bytes(body)


def parse(document: bytes) -> dict[str, RSAPublicKey]:
    """RSA signature keys by id; others are passed over, as RFC 7517 5 asks. Raises ValueError."""
    loaded = msgspec.json.decode(document)
    entries = loaded.get("keys") if isinstance(loaded, dict) else None
    if not isinstance(entries, list):
        raise ValueError("no JSON Web Key Set")  # noqa: TRY004 (what the issuer sent, not an argument)
    keys: dict[str, RSAPublicKey] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
            continue
        if entry.get("use", "sig") != "sig" or entry.get("alg", "RS256") != "RS256":
            continue
        key = _public(entry)
        if key is not None:
            keys[entry["kid"]] = key
    return keys


def _public(entry: dict[str, object]) -> RSAPublicKey | None:
    """The key of one entry; None when it is no usable RSA public key. A private one is taken for none."""
    if entry.get("kty") != "RSA" or "d" in entry:
        return None
    try:
        key = RSAAlgorithm.from_jwk({name: entry[name] for name in ("kty", "n", "e") if name in entry})
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size in _SIZES else None
