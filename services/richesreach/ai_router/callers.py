"""Who asks, as budgets and records know it."""

from starlette.types import Scope

from richesreach.ai_router.budgets.members import Members
from richesreach.ai_router.model import Caller
from richesreach.core.access import demand_scopes
from richesreach.core.auth.authenticator import Authenticator

SCOPE = "ai:write"


class Doorman:
    """Lets callers in that may ask a model."""

    __slots__ = ("_authenticator", "_members")

    def __init__(self, authenticator: Authenticator, members: Members) -> None:
        self._authenticator = authenticator
        self._members = members

    def at_once(self, scope: Scope) -> Caller | None:
        """As `caller`, where nobody is to be asked; else None. Raises Problem 403 for who may not."""
        identity = self._authenticator.at_once(scope)
        return None if identity is None else self._members.at_once(demand_scopes(identity, SCOPE))

    async def caller(self, scope: Scope) -> Caller:
        """Raises Problem: 401 for nobody, 403 for who may not."""
        identity = demand_scopes(await self._authenticator.identify(scope), SCOPE)
        return await self._members.caller(identity)
