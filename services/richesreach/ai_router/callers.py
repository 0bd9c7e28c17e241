"""Who asks, as budgets and records know it."""

from starlette.types import Scope

from richesreach.ai_router.model import Caller
from richesreach.core.access import demand_scopes
from richesreach.core.auth.authenticator import Authenticator
from richesreach.core.auth.identity import Identity

SCOPE = "ai:write"
# The platform has one organisation as long as identities name none.
ORG = "richesreach"


def caller_of(identity: Identity) -> Caller:
    """A user is a team of its own, and each of its keys a member of it; a token counts as the user."""
    return Caller(ORG, identity.subject, identity.key_id or identity.subject)


class Doorman:
    """Lets callers in that may ask a model."""

    __slots__ = ("_authenticator",)

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def caller(self, scope: Scope) -> Caller:
        """Raises Problem: 401 for nobody, 403 for who may not."""
        return caller_of(demand_scopes(await self._authenticator.identify(scope), SCOPE))
