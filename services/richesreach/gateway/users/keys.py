"""Issuing, rotating and revoking API keys."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from richesreach.core.auth import api_key
from richesreach.core.auth.api_key import ApiKey
from richesreach.core.auth.identity import Identity
from richesreach.core.auth.key_directory import KeyDirectory
from richesreach.core.auth.key_record import KeyRecord
from richesreach.core.auth.roles import scopes_of
from richesreach.gateway.users.audit import Actor
from richesreach.gateway.users.key_store import KeyStore, ListedKey, NewKey

LONGEST_LIFE = timedelta(days=730)
LONGEST_OVERLAP = timedelta(days=7)


class BeyondCallerError(Exception):
    """The key would be allowed what its maker is not."""


class NotAPersonError(Exception):
    """Only who signed in makes keys: one that leaked must not be able to outlive its own revocation."""


class Keys:
    def __init__(self, store: KeyStore, directory: KeyDirectory) -> None:
        self._store = store
        self._directory = directory

    async def issue(
        self,
        caller: Identity,
        actor: Actor,
        *,
        name: str,
        roles: Collection[str] | None,
        scopes: Collection[str] | None,
        lives: timedelta | None,
    ) -> tuple[ApiKey, KeyRecord]:
        """The key with its secret, which is nowhere afterwards. Without `roles`, those of the caller.

        Raises NotAPersonError, BeyondCallerError, and what `KeyStore.add` does.
        """
        _person(caller)
        wanted = sorted(caller.roles if roles is None else set(roles))
        given = scopes_of(wanted) if scopes is None else frozenset(scopes)
        if not wanted or not caller.roles.issuperset(wanted) or not scopes_of(wanted) >= given:
            raise BeyondCallerError
        expires_at = None if lives is None else datetime.now(UTC) + lives
        new = NewKey(caller.subject, name, wanted, None if scopes is None else sorted(given), expires_at)
        key = api_key.mint()
        record = await self._store.add(key, new, actor)
        await self._directory.changed(record)
        return key, record

    async def rotate(
        self, caller: Identity, actor: Actor, key_id: str, overlap: timedelta
    ) -> tuple[ApiKey, KeyRecord]:
        """The key with its new secret. Raises NotAPersonError, and what `KeyStore.rotate` does."""
        _person(caller)
        key = api_key.mint(key_id)
        record = await self._store.rotate(key, caller.subject, overlap, actor)
        await self._directory.changed(record)
        return key, record

    async def revoke(self, owner: str | None, actor: Actor, key_id: str) -> None:
        """For good, everywhere within about a second. Raises what `KeyStore.revoke` does."""
        await self._directory.changed(await self._store.revoke(key_id, owner, actor))

    async def set_tier(self, actor: Actor, key_id: str, tier: str | None) -> None:
        """Another limit for a key, or that of all keys for None. Raises what `KeyStore.set_tier` does."""
        await self._directory.changed(await self._store.set_tier(key_id, tier, actor))

    async def revoke_beyond(self, owner: str, roles: Collection[str], actor: Actor) -> int:
        """Keys of somebody whose roles are now these; how many there were."""
        records = await self._store.revoke_beyond(owner, sorted(roles), actor)
        for record in records:
            await self._directory.changed(record)
        return len(records)

    async def erased(self, owner: str, keys: Collection[ListedKey]) -> None:
        """The rows of these keys are gone: let every process know."""
        now = datetime.now(UTC)
        for key in keys:
            nothing = KeyRecord(key.id, owner, [], None, None, "", None, None, None, None)
            await self._directory.changed(replace(nothing, revoked_at=now))

    async def of_owner(self, owner: str) -> list[ListedKey]:
        return await self._store.of_owner(owner)


def _person(caller: Identity) -> None:
    if caller.kind != "user":
        raise NotAPersonError
