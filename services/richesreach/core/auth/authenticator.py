"""Finds out who calls, once a request."""

import collections
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

from starlette.types import Scope

from richesreach.core import logs
from richesreach.core.auth import credentials
from richesreach.core.auth.access_token import AccessTokens, Expected, Revoked
from richesreach.core.auth.credentials import Credential
from richesreach.core.auth.identity import Identity
from richesreach.core.auth.key_set import KeySet, keys_url
from richesreach.core.auth.refusals import (
    DirectoryUnavailableError,
    KeysUnavailableError,
    RefusedCredentialError,
    cannot_verify,
    refused,
)
from richesreach.core.problems import Problem
from richesreach.core.settings import Settings

# Who an API key belongs to. Raises RefusedCredentialError and DirectoryUnavailableError.
FindKey: TypeAlias = Callable[[str], Awaitable[Identity]]
# The same where nobody is to be asked; else None.
KnownKey: TypeAlias = Callable[[str], Identity | None]

_FOUND = "identity"


async def no_keys(_key: str) -> Identity:
    """Where no key is known."""
    raise RefusedCredentialError("unknown_api_key", "The API key is not known.")


def nobody_known(_key: str) -> Identity | None:
    """Where every key is to be looked for."""
    return None


def never_revoked(_subject: str, _issued_at: float) -> bool:
    """Where nobody tells."""
    return False


class Authenticator:
    """Verifies every credential itself, whatever the edge did. `failures` counts refusals by reason."""

    def __init__(
        self,
        settings: Settings,
        *,
        find_key: FindKey = no_keys,
        known_key: KnownKey = nobody_known,
        revoked: Revoked = never_revoked,
    ) -> None:
        self.failures: collections.Counter[str] = collections.Counter()
        self.find_key = find_key
        self._known_key = known_key
        self._tokens: AccessTokens | None = None
        if settings.token_issuer:
            self._keys = KeySet(keys_url(settings.token_issuer, settings.aws_endpoint))
            expected = Expected(settings.token_issuer, settings.token_audience)
            self._tokens = AccessTokens(expected, self._keys, revoked)

    async def identify(self, scope: Scope) -> Identity | None:
        """The caller of this request; None when it shows no credential.

        Asked again within the request, it answers the same. Raises Problem: 401 for a credential that is not
        accepted, 503 while none can be verified.
        """
        state = scope.setdefault("state", {})
        if _FOUND not in state:
            state[_FOUND] = await self._outcome(scope["headers"])
        found: Identity | Problem | None = state[_FOUND]
        if isinstance(found, Problem):
            # A new one each time: raised twice, an exception would gather the tracebacks of both.
            raise Problem(found.status, found.kind, found.detail, headers=found.headers)
        if found is not None:
            logs.bind(user=found.subject)
        return found

    def at_once(self, scope: Scope) -> Identity | None:
        """As `identify`, for who is known already. None: ask `identify`, which may refuse it."""
        state = scope.setdefault("state", {})
        found: Identity | Problem | None = state.get(_FOUND)
        if found is None:
            try:
                shown = credentials.of_headers(scope["headers"])
            except RefusedCredentialError:
                return None
            if shown is None or shown.kind != "key":
                return None
            found = self._known_key(shown.value)
            if found is None:
                return None
            state[_FOUND] = found
        elif isinstance(found, Problem):
            return None
        logs.bind(user=found.subject)
        return found

    async def judge(self, authorization: str) -> Identity:
        """The bearer of `Bearer <token or key>`, for what comes otherwise than by a header. As `identify`."""
        try:
            return await self._bearer(credentials.of_authorization(authorization))
        except RefusedCredentialError as error:
            self._count(error)
            raise refused(error) from None
        except (KeysUnavailableError, DirectoryUnavailableError):
            raise cannot_verify() from None

    async def close(self) -> None:
        if self._tokens is not None:
            await self._keys.close()

    async def _outcome(self, headers: Iterable[tuple[bytes, bytes]]) -> Identity | Problem | None:
        try:
            shown = credentials.of_headers(headers)
            return None if shown is None else await self._bearer(shown)
        except RefusedCredentialError as error:
            self._count(error)
            return refused(error)
        except (KeysUnavailableError, DirectoryUnavailableError):
            self.failures["unavailable"] += 1
            return cannot_verify()

    async def _bearer(self, shown: Credential) -> Identity:
        if shown.kind == "key":
            return await self.find_key(shown.value)
        if self._tokens is None:
            raise RefusedCredentialError("no_issuer", "This service accepts no bearer tokens.")
        return await self._tokens.verified(shown.value)

    def _count(self, error: RefusedCredentialError) -> None:
        self.failures[error.reason] += 1
        logs.logger().info("credential_refused", reason=error.reason)
