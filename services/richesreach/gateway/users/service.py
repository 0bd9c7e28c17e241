"""Users: the directory says who they are, the database what was done, keys follow both."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from richesreach.core.auth.revocations import Revocations
from richesreach.core.auth.roles import ROLES
from richesreach.core.logs import logger
from richesreach.gateway.users.audit import Actor
from richesreach.gateway.users.directory import DirectoryUser, SignedIn, UserDirectory
from richesreach.gateway.users.keys import Keys
from richesreach.gateway.users.user_store import UserStore

# Of somebody who signed up alone.
FIRST_ROLE = "viewer"


class OwnAccountError(Exception):
    """Admins do not take their own role or account: the last one could not give it back."""


@dataclass(frozen=True, slots=True)
class Erasure:
    rows: dict[str, int]
    in_user_pool: bool


class Users:
    """What takes rights away ends the tokens that are out, too: a new one says what is true by then."""

    def __init__(self, directory: UserDirectory, store: UserStore, keys: Keys, revoked: Revocations) -> None:
        self._directory = directory
        self._store = store
        self._keys = keys
        self._revoked = revoked

    async def sign_up(self, email: str, password: str) -> None:
        """The same for an address that is taken."""
        await self._directory.sign_up(email, password)

    async def confirm(self, email: str, code: str, actor: Actor) -> None:
        """The pool takes a code once: what fails behind that is done when they sign in."""
        await self._welcome(await self._directory.confirm(email, code), actor)

    async def _welcome(self, subject: str, actor: Actor) -> None:
        roles = await self._directory.roles(subject)
        if not roles:
            roles = [FIRST_ROLE]
            await self._directory.set_roles(subject, roles)
        await self._store.note(subject, actor, "user.confirmed", roles=roles)

    async def sign_in(self, email: str, password: str, actor: Actor) -> SignedIn:
        found = await self._directory.sign_in(email, password)
        if found.roles or found.refresh_token is None or await self._store.knows(found.subject):
            return found
        # Confirmed, and never welcomed: somebody whose roles an admin took is known.
        await self._welcome(found.subject, actor)
        renewed = await self._directory.refresh(found.refresh_token)
        return replace(renewed, refresh_token=renewed.refresh_token or found.refresh_token)

    async def refresh(self, token: str) -> SignedIn:
        return await self._directory.refresh(token)

    async def sign_out(self, refresh_token: str) -> None:
        await self._directory.sign_out(refresh_token)

    async def page(self, token: str | None, limit: int) -> tuple[list[DirectoryUser], str | None]:
        return await self._directory.users(token, limit)

    async def one(self, subject: str) -> tuple[DirectoryUser, list[str]]:
        return await self._directory.user(subject), await self._directory.roles(subject)

    async def set_roles(self, caller: str, subject: str, roles: Collection[str], actor: Actor) -> int:
        """How many keys were revoked because they had a role that the user has no longer.

        Keys go first: what fails half way leaves somebody with too little.
        """
        if caller == subject and "admin" not in roles:
            raise OwnAccountError
        await self._directory.user(subject)
        before = await self._directory.roles(subject)
        revoked = await self._keys.revoke_beyond(subject, roles, actor)
        await self._directory.set_roles(subject, set(roles) & ROLES)
        if not set(before) <= set(roles):
            await self._end_tokens(subject)
        await self._store.note(subject, actor, "user.roles_changed", roles=sorted(roles))
        return revoked

    async def enable(self, caller: str, subject: str, actor: Actor, *, enabled: bool) -> None:
        """Who is disabled has no keys afterwards, and none when they are enabled again."""
        if caller == subject:
            raise OwnAccountError
        await self._directory.enable(subject, enabled=enabled)
        await self._store.set_status(subject, "active" if enabled else "disabled", actor)
        if not enabled:
            await self._end_tokens(subject)
            await self._keys.revoke_beyond(subject, [], actor)

    async def erase(self, subject: str, actor: Actor) -> Erasure:
        """The user in the pool and in every table; run again, it finds nothing and does no harm."""
        keys = await self._keys.of_owner(subject)
        in_pool = await self._directory.erase(subject)
        await self._end_tokens(subject)
        rows = await self._store.erase(subject, actor)
        await self._keys.erased(subject, keys)
        return Erasure(rows, in_pool)

    async def _end_tokens(self, subject: str) -> None:
        if not await self._revoked.tell(subject):
            logger().warning("revocation_untold", subject=subject)
