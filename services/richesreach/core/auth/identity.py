"""Who a request comes from, however it said so."""

from dataclasses import dataclass
from typing import Literal

from richesreach.core.auth.roles import scopes_of

Kind = Literal["user", "key", "service"]


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller that was verified.

    `subject` is an id, never a name: of the user, also where a key of theirs was shown, or `service:<name>`.
    `key_id` is the public part of the API key, and `tier` the name of the limit that such a key has.
    """

    subject: str
    roles: frozenset[str]
    scopes: frozenset[str]
    kind: Literal["user", "key", "service"]
    key_id: str | None = None
    tier: str | None = None

    @classmethod
    def with_roles(cls, subject: str, roles: frozenset[str], kind: Kind) -> "Identity":
        """A caller who may do all that its roles may."""
        return cls(subject, roles, scopes_of(roles), kind)
