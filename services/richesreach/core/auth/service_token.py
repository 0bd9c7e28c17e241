"""The service's own token, which it shows to its neighbours: client credentials at the user pool.

Source: RFC 6749 4.4 and 2.3.1; "Token endpoint", Amazon Cognito developer guide.
"""

import asyncio
import random
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeAlias
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec

from richesreach.core.auth.access_token import LONGEST
from richesreach.core.ending import end
from richesreach.core.endpoints import ServiceClient
from richesreach.core.logs import logger
from richesreach.core.resilience import deadline
from richesreach.core.resilience.errors import NeighbourUnavailableError

# What the service shows of itself, as the value of `authorization`; None for nothing.
Credential: TypeAlias = Callable[[], Awaitable[str | None]]

SCOPE = "richesreach/service"
# Seconds that the endpoint has to answer; the rest after a failure, in which nobody asks it again.
TIMEOUT, REST = 3.0, 1.0
# A token that is shown arrives a little later, at a machine whose clock may be ahead.
MARGIN = 60.0
# The share of its life after which a token is replaced, beside those who go on with it; drawn for each, so
# that tasks which began together do not ask together.
AHEAD = (0.65, 0.8)


class Granted(msgspec.Struct):
    """RFC 6749 5.1; `expires_in` in seconds."""

    access_token: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST, pattern=r"^[!-~]+$")]
    expires_in: Annotated[int, msgspec.Meta(ge=1)]
    token_type: str


class ServiceTokenUnavailableError(NeighbourUnavailableError):
    """The user pool gives no token; without one, no neighbour answers."""


async def no_credential() -> str | None:
    return None


def token_url(url: str, endpoint: str | None) -> str:
    """Where tokens are asked for. `endpoint` is AWS_ENDPOINT_URL, which moves Cognito's endpoints here as it
    does for a client; tasks in AWS never have it."""
    return f"{endpoint.rstrip('/')}{urlsplit(url).path}" if endpoint else url


class ServiceToken:
    """A `Credential`. `clock` gives seconds and never runs backwards.

    One fetch for all who wait; a token that is old is replaced before it expires, while it serves on. The
    client's secret and the tokens are in no log line and no error.
    """

    def __init__(
        self, client: ServiceClient, url: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._url = url
        self._clock = clock
        self._token = ""
        self._old_at = self._expires_at = self._rests_until = float("-inf")
        self._fetch: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self) -> str:
        """`Bearer <token>`. Raises ServiceTokenUnavailableError and DeadlineExceededError."""
        now = self._clock()
        if now >= self._old_at:
            fetch = self._fetching(now)
            if now >= self._expires_at:
                await self._await(fetch)
        return f"Bearer {self._token}"

    async def close(self) -> None:
        await end(self._fetch)
        if self._session is not None:
            await self._session.close()

    async def _await(self, fetch: "asyncio.Task[None] | None") -> None:
        if fetch is not None:
            # A caller that leaves does not end the fetch for those that wait with it.
            await asyncio.wait([fetch], timeout=deadline.allowed(TIMEOUT))
        if self._clock() >= self._expires_at:
            raise ServiceTokenUnavailableError("the user pool gives this service no token")

    def _fetching(self, now: float) -> "asyncio.Task[None] | None":
        """The fetch that is under way, or a new one; None in the rest after a failure."""
        if self._fetch is None or self._fetch.done():
            if now < self._rests_until:
                return None
            self._fetch = asyncio.create_task(self._renew(now), name="service-token")
        return self._fetch

    async def _renew(self, now: float) -> None:
        try:
            granted = await self._ask()
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            self._rests_until = self._clock() + REST
            why = str(error) if isinstance(error, _RefusedError) else type(error).__name__
            logger().warning("service_token_not_fetched", url=self._url, error=why)
            return
        life = max(0.0, granted.expires_in - MARGIN)
        self._token = granted.access_token
        self._expires_at = now + life
        self._old_at = now + life * random.uniform(*AHEAD)  # noqa: S311 (spreads load, guards nothing)

    async def _ask(self) -> Granted:
        """Raises ValueError for an answer that is no token."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT), cookie_jar=aiohttp.DummyCookieJar()
            )
        pair = f"{quote(self._client.id, safe='')}:{quote(self._client.secret.reveal(), safe='')}"
        headers = {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        form = {"grant_type": "client_credentials", "scope": SCOPE}
        async with self._session.post(
            self._url, data=form, headers=headers, allow_redirects=False
        ) as response:
            body = await response.content.read(2 * LONGEST)
        if response.status != 200:
            raise _RefusedError(f"status {response.status}")
        try:
            granted = msgspec.json.decode(body, type=Granted)
        except msgspec.DecodeError:  # its text may repeat a part of the token
            raise _RefusedError("an answer that is no token") from None
        if granted.token_type.lower() != "bearer":
            raise _RefusedError("a token of another type")
        return granted


class _RefusedError(ValueError):
    """Its text is ours, and tells nothing of the secret."""
