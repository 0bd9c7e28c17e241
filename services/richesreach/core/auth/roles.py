"""What each role may do: the one table of scopes."""

from collections.abc import Iterable, Mapping

_VIEWER = frozenset(
    {
        "ai:write",
        "alerts:read",
        "alerts:write",
        "analytics:read",
        "features:read",
        "keys:read",
        "keys:write",
        "market:read",
        "portfolio:read",
        "predictions:read",
        "profile:read",
        "profile:write",
        "watchlists:read",
        "watchlists:write",
    }
)
_TRADER = _VIEWER | {"orders:read", "orders:write", "portfolio:write"}
_ADMIN = _TRADER | {
    "analytics:write",
    "audit:read",
    "budgets:read",
    "budgets:write",
    "cache:write",
    "features:write",
    "flags:read",
    "flags:write",
    "market:write",
    "predictions:write",
    "users:read",
    "users:write",
}
_SERVICE = frozenset(
    {
        "ai:write",
        "analytics:read",
        "analytics:write",
        "cache:write",
        "features:read",
        "features:write",
        "flags:read",
        "market:read",
        "market:write",
        "orders:read",
        "portfolio:read",
        "predictions:read",
        "predictions:write",
    }
)

# Weakest first, as the groups of the user pool.
SCOPES_BY_ROLE: Mapping[str, frozenset[str]] = {
    "viewer": _VIEWER,
    "trader": _TRADER,
    "admin": _ADMIN,
    "service": _SERVICE,
}
ROLES = frozenset(SCOPES_BY_ROLE)
SCOPES = frozenset().union(*SCOPES_BY_ROLE.values())


def scopes_of(roles: Iterable[str]) -> frozenset[str]:
    """All that somebody with these roles may do; a role that does not exist may nothing."""
    return frozenset().union(*(SCOPES_BY_ROLE.get(role, frozenset()) for role in roles))


def roles_within(roles: Iterable[str], scopes: frozenset[str]) -> frozenset[str]:
    """Those of the roles whose every scope is among `scopes`.

    A key that was given less than its owner's role does not have that role.
    """
    return frozenset(role for role in roles if role in ROLES and SCOPES_BY_ROLE[role] <= scopes)
