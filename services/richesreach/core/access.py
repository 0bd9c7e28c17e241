"""Who may do what is asked in one place: `Depends(requires("admin"))`, `Depends(allows("alerts:write"))` on
a route, `demand_roles` and `demand_scopes` anywhere else.
"""

from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias

from richesreach.core.auth.callers import CurrentIdentity
from richesreach.core.auth.identity import Identity
from richesreach.core.auth.refusals import forbidden, nobody
from richesreach.core.auth.roles import ROLES, SCOPES

Check: TypeAlias = Callable[..., Awaitable[Identity]]


def demand_roles(caller: Identity | None, roles: Collection[str]) -> Identity:
    """The caller, who has one of `roles`. Raises Problem: 401 for nobody, 403 for anybody else."""
    if caller is None:
        raise nobody(f"This needs one of the roles {', '.join(sorted(roles))}; send a token that has it.")
    if caller.roles.isdisjoint(roles):
        raise forbidden(f"This needs one of the roles {', '.join(sorted(roles))}.")
    return caller


def demand_scopes(caller: Identity | None, *scopes: str) -> Identity:
    """The caller, who has every one of `scopes`. Raises Problem: 401 for nobody, 403 for anybody else."""
    if caller is None:
        raise nobody()
    missing = [scope for scope in scopes if scope not in caller.scopes]
    if missing:
        raise forbidden(f"This needs the scope {' and '.join(missing)}.")
    return caller


def requires(*roles: str) -> Check:
    """A dependency that admits callers with one of `roles`, and gives the caller."""
    if not ROLES.issuperset(roles) or not roles:
        raise ValueError(f"{sorted(set(roles) - ROLES)} are no roles; there are {sorted(ROLES)}")

    async def check(caller: CurrentIdentity) -> Identity:
        return demand_roles(caller, roles)

    return check


def allows(*scopes: str) -> Check:
    """A dependency that admits callers with every one of `scopes`, and gives the caller."""
    if not SCOPES.issuperset(scopes) or not scopes:
        raise ValueError(f"{sorted(set(scopes) - SCOPES)} are no scopes; core/auth/roles.py lists them")

    async def check(caller: CurrentIdentity) -> Identity:
        return demand_scopes(caller, *scopes)

    return check
