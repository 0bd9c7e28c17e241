"""Routes of API keys: `/api/keys`."""

from datetime import timedelta

from fastapi import APIRouter, Depends, Response

from richesreach.core.access import allows
from richesreach.core.app import CurrentPlatform
from richesreach.core.auth.api_key import ApiKey
from richesreach.core.auth.callers import CurrentIdentity
from richesreach.core.auth.key_record import KeyRecord
from richesreach.core.problems import Problem
from richesreach.gateway import features
from richesreach.gateway.users import schemas
from richesreach.gateway.users.audit import Actor
from richesreach.gateway.users.key_store import (
    MAX_KEYS,
    DisabledUserError,
    RevokedKeyError,
    TooManyKeysError,
    UnknownKeyError,
)
from richesreach.gateway.users.keys import BeyondCallerError, NotAPersonError
from richesreach.gateway.users.wiring import CurrentKeys

router = APIRouter(prefix="/api/keys", tags=["keys"])
_READ, _WRITE = Depends(allows("keys:read")), Depends(allows("keys:write"))


@router.get("", dependencies=[_READ])
async def list_keys(caller: CurrentIdentity, keys: CurrentKeys, response: Response) -> schemas.KeyList:
    """The caller's keys, the newest first. Secrets are told by nobody: they are not known."""
    response.headers["cache-control"] = "no-store"
    found = await keys.of_owner(caller.subject)
    return schemas.KeyList(
        keys=[schemas.ListedKey.model_validate(key, from_attributes=True) for key in found]
    )


@router.post("", status_code=201, dependencies=[_WRITE])
async def issue_key(
    new: schemas.NewKey,
    caller: CurrentIdentity,
    keys: CurrentKeys,
    platform: CurrentPlatform,
    response: Response,
) -> schemas.IssuedKey:
    """A key that may do what the caller may, or less."""
    features.needs(platform, features.NEW_KEYS, caller)
    actor = Actor.of(caller, platform.settings.region)
    lives = None if new.expires_in_days is None else timedelta(days=new.expires_in_days)
    try:
        key, record = await keys.issue(
            caller, actor, name=new.name, roles=new.roles, scopes=new.scopes, lives=lives
        )
    except BeyondCallerError as error:
        detail = "A key may do no more than its owner: ask for your own roles, and scopes that they have."
        raise Problem(403, "beyond-caller", detail) from error
    except NotAPersonError as error:
        raise _no_person() from error
    except DisabledUserError as error:
        raise Problem(403, "user-disabled", "This user is disabled.") from error
    except TooManyKeysError as error:
        detail = f"A user has at most {MAX_KEYS} keys; revoke one that is not used."
        raise Problem(409, "too-many-keys", detail) from error
    response.headers["location"] = f"/api/keys/{record.id}"
    return _issued(key, record, response)


@router.post("/{key_id}/rotate", dependencies=[_WRITE])
async def rotate_key(
    key_id: schemas.KeyId,
    caller: CurrentIdentity,
    keys: CurrentKeys,
    platform: CurrentPlatform,
    response: Response,
    how: schemas.Rotation | None = None,
) -> schemas.IssuedKey:
    """A new secret for the key; the one before counts on for a while, so that nothing stands still."""
    features.needs(platform, features.NEW_KEYS, caller)
    actor = Actor.of(caller, platform.settings.region)
    overlap = timedelta(seconds=(how or schemas.Rotation()).overlap_seconds)
    try:
        key, record = await keys.rotate(caller, actor, key_id, overlap)
    except NotAPersonError as error:
        raise _no_person() from error
    except UnknownKeyError as error:
        raise unknown(key_id) from error
    except RevokedKeyError as error:
        raise revoked() from error
    return _issued(key, record, response)


@router.delete("/{key_id}", status_code=204, dependencies=[_WRITE])
async def revoke_key(
    key_id: schemas.KeyId, caller: CurrentIdentity, keys: CurrentKeys, platform: CurrentPlatform
) -> None:
    """For good, in every region within about a second. Twice is once."""
    try:
        await keys.revoke(caller.subject, Actor.of(caller, platform.settings.region), key_id)
    except UnknownKeyError as error:
        raise unknown(key_id) from error


def unknown(key_id: str) -> Problem:
    return Problem(404, "unknown-key", f"No key {key_id} is known.")


def revoked() -> Problem:
    return Problem(409, "key-revoked", "This key was revoked, for good; issue another.")


def _no_person() -> Problem:
    detail = "Keys are made by who signed in, not by another key: send a bearer token of the user pool."
    return Problem(403, "token-needed", detail)


def _issued(key: ApiKey, record: KeyRecord, response: Response) -> schemas.IssuedKey:
    response.headers["cache-control"] = "no-store"
    return schemas.IssuedKey(
        id=record.id,
        key=key.text,
        roles=record.roles,
        scopes=record.scopes,
        expires_at=record.expires_at,
        previous_until=record.previous_until,
    )
