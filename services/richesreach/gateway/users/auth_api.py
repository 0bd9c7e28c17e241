"""Routes to become a user and to get tokens, and of the own account: `/api/auth`, `/api/users/me`."""

from typing import Any

from fastapi import APIRouter, Depends, Response

from richesreach.core.access import allows
from richesreach.core.app import CurrentPlatform
from richesreach.core.auth.callers import CurrentIdentity
from richesreach.core.problems import Problem
from richesreach.gateway import features
from richesreach.gateway.users import schemas
from richesreach.gateway.users.audit import Actor
from richesreach.gateway.users.directory import SignedIn
from richesreach.gateway.users.wiring import CurrentUsers

# What the document says of those who are no caller yet: the framework sees it in no signature.
_WRONG: dict[int | str, dict[str, Any]] = {
    401: {"description": "What was sent is not right together; what is wrong of it is not told."}
}
_ELSEWHERE: dict[int | str, dict[str, Any]] = {
    403: {"description": "The user pool does not permit this here, but at its own pages."}
}

auth = APIRouter(prefix="/api/auth", tags=["users"])
me = APIRouter(prefix="/api/users", tags=["users"])


@auth.post("/sign-up", status_code=202, responses=_ELSEWHERE)
async def sign_up(new: schemas.SignUp, users: CurrentUsers, platform: CurrentPlatform) -> schemas.Accepted:
    """Where the user pool lets people in by themselves. The same answer for an address that is taken."""
    features.needs(platform, features.SELF_SERVICE)
    await users.sign_up(new.email, new.password)
    return schemas.Accepted(detail="If the address is new, a code to confirm it is on its way.")


@auth.post("/confirm", status_code=204, responses=_WRONG)
async def confirm(what: schemas.Confirmation, users: CurrentUsers, platform: CurrentPlatform) -> None:
    """With the code from the e-mail; who confirms is a viewer."""
    await users.confirm(what.email, what.code, Actor.of(None, platform.settings.region))


@auth.post("/sign-in", responses={**_WRONG, **_ELSEWHERE})
async def sign_in(
    who: schemas.SignUp, users: CurrentUsers, platform: CurrentPlatform, response: Response
) -> schemas.Tokens:
    """Where the user pool lets a password be sent; elsewhere its own pages do it (SRP, second factor)."""
    return _tokens(
        await users.sign_in(who.email, who.password, Actor.of(None, platform.settings.region)), response
    )


@auth.post("/refresh", responses={**_WRONG, **_ELSEWHERE})
async def refresh(what: schemas.Refresh, users: CurrentUsers, response: Response) -> schemas.Tokens:
    return _tokens(await users.refresh(what.refresh_token), response)


@auth.post("/sign-out", status_code=204)
async def sign_out(what: schemas.Refresh, users: CurrentUsers) -> None:
    """No more access tokens come of this refresh token; those that are out serve until they expire."""
    await users.sign_out(what.refresh_token)


@me.get("/me")
async def who_am_i(caller: CurrentIdentity, response: Response) -> schemas.Me:
    """As whom the platform knows the caller, and what that may do."""
    response.headers["cache-control"] = "no-store"
    return schemas.Me(
        subject=caller.subject,
        kind=caller.kind,
        roles=sorted(caller.roles),
        scopes=sorted(caller.scopes),
        key_id=caller.key_id,
    )


@me.delete("/me", dependencies=[Depends(allows("profile:write"))])
async def erase_me(caller: CurrentIdentity, users: CurrentUsers, platform: CurrentPlatform) -> schemas.Erased:
    """Everything that the databases and the user pool know of the caller, for good."""
    if caller.kind != "user":
        raise Problem(403, "token-needed", "Only who signed in erases an account, not a key.")
    erased = await users.erase(caller.subject, Actor.of(caller, platform.settings.region))
    return schemas.Erased(rows=erased.rows, in_user_pool=erased.in_user_pool)


def _tokens(signed_in: SignedIn, response: Response) -> schemas.Tokens:
    response.headers["cache-control"] = "no-store"
    return schemas.Tokens(
        access_token=signed_in.access_token,
        expires_in=signed_in.expires_in,
        refresh_token=signed_in.refresh_token,
    )
