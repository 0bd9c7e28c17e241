"""Who may do what is asked in one place: `Depends(requires("admin"))` on a route, judged by the guard."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.requests import HTTPConnection

from richesreach.core.problems import Problem

# Returns for a caller who has one of the roles; raises Problem 401 or 403 for any other.
Guard: TypeAlias = Callable[[HTTPConnection, frozenset[str]], Awaitable[None]]


async def closed(_connection: HTTPConnection, roles: frozenset[str]) -> None:
    """The guard of a service that knows no callers: nobody has a role."""
    detail = f"This needs one of the roles {', '.join(sorted(roles))}; send a token that has it."
    raise Problem(401, "unauthenticated", detail, headers={"www-authenticate": "Bearer"})


def requires(*roles: str) -> Callable[[HTTPConnection], Awaitable[None]]:
    """A dependency that admits callers with one of `roles`, as the application's guard judges."""
    wanted = frozenset(roles)

    async def check(connection: HTTPConnection) -> None:
        guard: Guard = connection.app.state.guard
        await guard(connection, wanted)

    return check
