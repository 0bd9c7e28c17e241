"""Administration of the feature flags: `/api/admin/flags`."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StringConstraints

from richesreach.core.access import allows, requires
from richesreach.core.app import CurrentPlatform
from richesreach.core.auth.callers import CurrentIdentity
from richesreach.core.cache.nodes import CacheUnavailableError
from richesreach.core.feature_flags import Flag, Rule, UnfitRuleError, fit
from richesreach.core.problems import Problem
from richesreach.gateway.features import FLAGS
from richesreach.gateway.users.audit import Actor, Trail
from richesreach.gateway.users.schemas import Role, Share

flags = APIRouter(prefix="/api/admin/flags", tags=["admin"], dependencies=[Depends(requires("admin"))])
_READ, _WRITE = Depends(allows("flags:read")), Depends(allows("flags:write"))
_Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
_Text = Annotated[str, StringConstraints(strict=True, max_length=200, pattern=r"^[^\x00]*$")]
FlagName = Annotated[str, Path(max_length=80)]


class FlagRule(BaseModel):
    """`value` is of the type of the flag's default."""

    model_config = ConfigDict(extra="forbid")

    value: StrictBool | StrictInt | StrictFloat | _Text
    percent: Annotated[Share, Field(ge=0, le=100, allow_inf_nan=False)] = 100.0
    regions: Annotated[list[_Region], Field(max_length=12)] = []
    roles: Annotated[list[Role], Field(max_length=4)] = []


class ShownFlag(BaseModel):
    """`rule` is what this region knows; null where the default holds for everybody."""

    name: str
    purpose: str
    default: bool | int | float | str
    rule: FlagRule | None


class FlagList(BaseModel):
    flags: list[ShownFlag]


@flags.get("", dependencies=[_READ])
async def list_flags(platform: CurrentPlatform, response: Response) -> FlagList:
    response.headers["cache-control"] = "no-store"
    await platform.flags.look()
    return FlagList(flags=[_shown(flag, platform.flags.rules().get(flag.name)) for flag in FLAGS.values()])


@flags.put("/{name}", dependencies=[_WRITE])
async def set_flag(
    name: FlagName, given: FlagRule, caller: CurrentIdentity, platform: CurrentPlatform
) -> ShownFlag:
    """Known in every process of every region within seconds."""
    flag = _flag(name)
    rule = Rule(value=given.value, percent=given.percent, regions=given.regions, roles=list(given.roles))
    try:
        fit(flag, rule)
    except UnfitRuleError as error:
        raise Problem(422, "unfit-rule", str(error)) from error
    # Before it is done: nothing changes that is not written down.
    await _note(caller, platform, "flag.set", flag, **msgspec.to_builtins(rule))
    try:
        await platform.flags.set(flag, rule)
    except CacheUnavailableError as error:
        raise _unwritable() from error
    return _shown(flag, rule)


@flags.delete("/{name}", status_code=204, dependencies=[_WRITE])
async def clear_flag(name: FlagName, caller: CurrentIdentity, platform: CurrentPlatform) -> None:
    """Back to the default, for everybody."""
    flag = _flag(name)
    await _note(caller, platform, "flag.cleared", flag)
    try:
        await platform.flags.clear(flag)
    except CacheUnavailableError as error:
        raise _unwritable() from error


async def _note(
    caller: CurrentIdentity, platform: CurrentPlatform, action: str, flag: Flag[Any], **details: Any
) -> None:
    actor = Actor.of(caller, platform.settings.region)
    await Trail(platform.database).add(actor, action, flag.name, **details)


def _flag(name: str) -> Flag[Any]:
    if name not in FLAGS:
        raise Problem(404, "unknown-flag", f"There is no such flag; there are {', '.join(sorted(FLAGS))}.")
    return FLAGS[name]


def _shown(flag: Flag[Any], rule: Rule | None) -> ShownFlag:
    found = None if rule is None else FlagRule.model_validate(msgspec.to_builtins(rule))
    return ShownFlag(name=flag.name, purpose=flag.purpose, default=flag.default, rule=found)


def _unwritable() -> Problem:
    detail = "The global datastore takes no writes at the moment. Try again in a few seconds."
    return Problem(503, "datastore-unavailable", detail, headers={"retry-after": "5"})
