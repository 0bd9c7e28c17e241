"""Dependencies of routes: the caller, or nobody."""

from typing import Annotated, Any

from fastapi import Depends, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.requests import HTTPConnection

from richesreach.core.auth.authenticator import Authenticator
from richesreach.core.auth.identity import Identity
from richesreach.core.auth.refusals import nobody

# For the OpenAPI document: what they find is judged by `identify` alone.
_TOKEN = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    bearerFormat="JWT or rr_…",
    description="An access token of the user pool, or an API key.",
)
_KEY = APIKeyHeader(
    name="X-Api-Key", auto_error=False, scheme_name="key", description="An API key, which begins with rr_."
)
Documented = (Security(_TOKEN), Security(_KEY))


async def identify(connection: HTTPConnection) -> Identity | None:
    """The caller of a request or WebSocket; None when it shows no credential.

    Raises Problem: 401 for a credential that is not accepted, 503 while none can be verified.
    """
    authenticator: Authenticator = connection.app.state.authenticator
    return await authenticator.identify(connection.scope)


async def current_identity(
    connection: HTTPConnection,
    _token: Annotated[Any, Documented[0]] = None,
    _key: Annotated[Any, Documented[1]] = None,
) -> Identity:
    """The caller; 401 for nobody."""
    found = await identify(connection)
    if found is None:
        raise nobody()
    return found


CurrentIdentity = Annotated[Identity, Depends(current_identity)]
OptionalIdentity = Annotated[Identity | None, Depends(identify)]
