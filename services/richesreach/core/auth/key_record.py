"""What is known of an API key, as the cache holds it and the database tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from richesreach.core.auth.api_key import ApiKey
from richesreach.core.auth.identity import Identity
from richesreach.core.auth.refusals import RefusedCredentialError
from richesreach.core.auth.roles import roles_within, scopes_of

# The columns of `api_keys` that a record is made of.
COLUMNS = """id, owner, roles, scopes, tier, encode(secret_hash, 'hex') as secret_hash,
    encode(previous_hash, 'hex') as previous_hash, previous_until, expires_at, revoked_at"""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """Hashes are SHA-256 in hexadecimal. The previous secret counts until `previous_until`."""

    id: str
    owner: str
    roles: list[str]
    scopes: list[str] | None
    tier: str | None
    secret_hash: str
    previous_hash: str | None
    previous_until: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "KeyRecord":
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})

    def bearer(self, key: ApiKey, now: datetime) -> Identity:
        """Who shows this key. Raises RefusedCredentialError.

        Only who has the secret learns that a key has expired or was revoked.
        """
        if not self._proven(key, now):
            raise RefusedCredentialError("unknown_api_key", "The API key is not known.")
        if self.revoked_at is not None:
            raise revoked()
        if self.expires_at is not None and now >= self.expires_at:
            raise RefusedCredentialError("expired_api_key", "The API key has expired.")
        scopes = scopes_of(self.roles)
        if self.scopes is not None:
            scopes &= frozenset(self.scopes)
        roles = roles_within(self.roles, scopes)
        return Identity(self.owner, roles, scopes, "key", key_id=self.id, tier=self.tier)

    def _proven(self, key: ApiKey, now: datetime) -> bool:
        current = key.proves(bytes.fromhex(self.secret_hash))
        if self.previous_hash is None or self.previous_until is None:
            return current
        before = key.proves(bytes.fromhex(self.previous_hash)) and now < self.previous_until
        return current or before


def revoked() -> RefusedCredentialError:
    return RefusedCredentialError("revoked_api_key", "The API key was revoked.")
