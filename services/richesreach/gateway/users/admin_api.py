"""Routes for admins: `/api/admin/users`, `/api/admin/keys`, `/api/admin/audit`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from richesreach.core.access import allows, requires
from richesreach.core.app import CurrentPlatform
from richesreach.core.auth.callers import CurrentIdentity
from richesreach.core.problems import Problem
from richesreach.gateway.users import audit, keys_api, schemas
from richesreach.gateway.users.audit import Actor, MalformedCursorError, Trail
from richesreach.gateway.users.key_store import RevokedKeyError, UnknownKeyError
from richesreach.gateway.users.wiring import CurrentKeys, CurrentUsers

# The edge lets admins alone through to these paths; the service asks again.
admin = APIRouter(prefix="/api/admin", tags=["admin"], dependencies=[Depends(requires("admin"))])
_READ, _WRITE = Depends(allows("users:read")), Depends(allows("users:write"))
_MALFORMED = "The cursor is none that a page of this list gave."
_PAGES: dict[int | str, dict[str, Any]] = {400: {"description": _MALFORMED}}


@admin.get("/users", dependencies=[_READ], responses=_PAGES)
async def list_users(
    users: CurrentUsers,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=60)] = 50,
    cursor: Annotated[str | None, Query(min_length=1, max_length=2048, pattern=r"^[!-~]+$")] = None,
) -> schemas.UserPage:
    response.headers["cache-control"] = "no-store"
    try:
        found, following = await users.page(cursor, limit)
    except ValueError as error:
        raise Problem(400, "malformed-cursor", _MALFORMED) from error
    listed = [schemas.User.model_validate(user, from_attributes=True) for user in found]
    return schemas.UserPage(users=listed, next=following)


@admin.get("/users/{subject}", dependencies=[_READ])
async def show_user(
    subject: schemas.Subject, users: CurrentUsers, response: Response
) -> schemas.UserWithRoles:
    response.headers["cache-control"] = "no-store"
    found, roles = await users.one(subject)
    user = schemas.User.model_validate(found, from_attributes=True)
    return schemas.UserWithRoles(**user.model_dump(), roles=roles)


@admin.put("/users/{subject}/roles", dependencies=[_WRITE])
async def change_roles(
    subject: schemas.Subject,
    wanted: schemas.Roles,
    caller: CurrentIdentity,
    users: CurrentUsers,
    platform: CurrentPlatform,
) -> schemas.ChangedRoles:
    """Keys with a role that is gone are revoked; a token serves as it is until it expires."""
    actor = Actor.of(caller, platform.settings.region)
    revoked = await users.set_roles(caller.subject, subject, wanted.roles, actor)
    return schemas.ChangedRoles(roles=sorted(set(wanted.roles)), revoked_keys=revoked)


@admin.post("/users/{subject}/disable", status_code=204, dependencies=[_WRITE])
async def disable_user(
    subject: schemas.Subject, caller: CurrentIdentity, users: CurrentUsers, platform: CurrentPlatform
) -> None:
    """No new tokens, and every key revoked for good."""
    actor = Actor.of(caller, platform.settings.region)
    await users.enable(caller.subject, subject, actor, enabled=False)


@admin.post("/users/{subject}/enable", status_code=204, dependencies=[_WRITE])
async def enable_user(
    subject: schemas.Subject, caller: CurrentIdentity, users: CurrentUsers, platform: CurrentPlatform
) -> None:
    actor = Actor.of(caller, platform.settings.region)
    await users.enable(caller.subject, subject, actor, enabled=True)


@admin.delete("/users/{subject}", dependencies=[_WRITE])
async def erase_user(
    subject: schemas.Subject, caller: CurrentIdentity, users: CurrentUsers, platform: CurrentPlatform
) -> schemas.Erased:
    """What the databases and the user pool know of somebody, for good; again, it finds nothing.

    The lake and the caches are `richesreach erase`'s.
    """
    erased = await users.erase(subject, Actor.of(caller, platform.settings.region))
    return schemas.Erased(rows=erased.rows, in_user_pool=erased.in_user_pool)


@admin.get("/users/{subject}/keys", dependencies=[_READ])
async def list_keys_of(subject: schemas.Subject, keys: CurrentKeys, response: Response) -> schemas.KeyList:
    response.headers["cache-control"] = "no-store"
    found = await keys.of_owner(subject)
    return schemas.KeyList(
        keys=[schemas.ListedKey.model_validate(key, from_attributes=True) for key in found]
    )


@admin.delete("/keys/{key_id}", status_code=204, dependencies=[_WRITE])
async def revoke_any_key(
    key_id: schemas.KeyId, caller: CurrentIdentity, keys: CurrentKeys, platform: CurrentPlatform
) -> None:
    try:
        await keys.revoke(None, Actor.of(caller, platform.settings.region), key_id)
    except UnknownKeyError as error:
        raise keys_api.unknown(key_id) from error


@admin.put("/keys/{key_id}/tier", status_code=204, dependencies=[_WRITE])
async def change_tier(
    key_id: schemas.KeyId,
    wanted: schemas.KeyTier,
    caller: CurrentIdentity,
    keys: CurrentKeys,
    platform: CurrentPlatform,
) -> None:
    """A limit of the key's own, one of those that the environment has; elsewhere within a minute."""
    tiers = platform.settings.rate_limit_tiers
    if wanted.tier is not None and wanted.tier not in tiers:
        detail = f"No tier {wanted.tier} is known; there are {', '.join(sorted(tiers))}."
        raise Problem(422, "unknown-tier", detail)
    try:
        await keys.set_tier(Actor.of(caller, platform.settings.region), key_id, wanted.tier)
    except UnknownKeyError as error:
        raise keys_api.unknown(key_id) from error
    except RevokedKeyError as error:
        raise keys_api.revoked() from error


@admin.get("/audit", dependencies=[Depends(allows("audit:read"))], responses=_PAGES)
async def read_audit(
    platform: CurrentPlatform,
    response: Response,
    wanted: Annotated[schemas.AuditQuery, Query()],
) -> schemas.EventPage:
    """What was done to users, roles, keys and flags; the newest first."""
    response.headers["cache-control"] = "no-store"
    chosen = audit.Filter(wanted.actor, wanted.target, wanted.action)
    try:
        events, following = await Trail(platform.database).page(chosen, wanted.cursor, wanted.limit)
    except MalformedCursorError as error:
        raise Problem(400, "malformed-cursor", _MALFORMED) from error
    listed = [schemas.Event.model_validate(event, from_attributes=True) for event in events]
    return schemas.EventPage(events=listed, next=following)
