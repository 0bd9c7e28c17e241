"""`/ai/budgets` for administrators, `/ai/budget` for who spends, `/ai/members` for who belongs where."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from starlette.requests import HTTPConnection

from richesreach.ai_router.budgets import schemas
from richesreach.ai_router.budgets.books import Books
from richesreach.ai_router.budgets.central import Central
from richesreach.ai_router.budgets.members import Member, Members
from richesreach.ai_router.budgets.model import Budget, Period, Scope
from richesreach.ai_router.budgets.plan import Account, Plan, standing
from richesreach.ai_router.budgets.store import Change
from richesreach.core import logs
from richesreach.core.access import allows
from richesreach.core.app import CurrentPlatform, Platform
from richesreach.core.auth.callers import CurrentIdentity
from richesreach.core.auth.identity import Identity
from richesreach.core.cache.nodes import CacheUnavailableError
from richesreach.core.database import DatabaseUnavailableError
from richesreach.core.problems import Problem

MAX_LISTED = 500
_READ, _WRITE = Depends(allows("budgets:read")), Depends(allows("budgets:write"))

router = APIRouter(tags=["budgets"])


class BudgetDesk:
    """What the routes work with; `app.state.budget_desk`."""

    def __init__(self, books: Books, central: Central, members: Members) -> None:
        self.books = books
        self.central = central
        self.members = members

    async def shown(self, org: str, budgets: list[Budget]) -> list[schemas.ShownBudget]:
        if not budgets:
            return []
        plan = Plan.of(org, budgets, self.books.now())
        try:
            sums = await self.central.look(plan)
        except (CacheUnavailableError, DatabaseUnavailableError):
            return [_shown(account, None) for account in plan.accounts]
        return [_shown(account, found) for account, found in zip(plan.accounts, sums, strict=True)]


def desk_of(connection: HTTPConnection) -> BudgetDesk:
    desk: BudgetDesk = connection.app.state.budget_desk
    return desk


CurrentDesk = Annotated[BudgetDesk, Depends(desk_of)]


@router.get("/ai/budget")
async def own_budget(
    caller: Annotated[Identity, Depends(allows("ai:write"))], desk: CurrentDesk, response: Response
) -> schemas.BudgetList:
    """The budgets that the caller's requests count in, and what is left of each."""
    response.headers["cache-control"] = "no-store"
    who = await desk.members.caller(caller)
    above = set(Scope.above(who))
    budgets = [found for found in await desk.books.limits.budgets(who.org) if found.scope in above]
    return schemas.BudgetList(budgets=await desk.shown(who.org, budgets))


@router.get("/ai/budgets", dependencies=[_READ])
async def all_budgets(desk: CurrentDesk, response: Response) -> schemas.BudgetList:
    """The first budgets by organisation, without their sums: ask for those of one organisation."""
    response.headers["cache-control"] = "no-store"
    found = await desk.books.limits.store.page(("", "", "", ""), MAX_LISTED + 1)
    now = desk.books.now()
    shown = [_shown(Account.of(budget, now), None) for budget in found[:MAX_LISTED]]
    return schemas.BudgetList(budgets=shown, complete=len(found) <= MAX_LISTED)


@router.get("/ai/budgets/{org}", dependencies=[_READ])
async def budgets_of(org: schemas.OrgName, desk: CurrentDesk, response: Response) -> schemas.BudgetList:
    """All budgets of an organisation, its teams and keys, and what each stands at."""
    response.headers["cache-control"] = "no-store"
    found = await desk.books.limits.budgets(org)
    shown = await desk.shown(org, found[:MAX_LISTED])
    return schemas.BudgetList(budgets=shown, complete=len(found) <= MAX_LISTED)


@router.put("/ai/budgets/{org}", dependencies=[_WRITE])
async def set_org(
    org: schemas.OrgName,
    given: schemas.NewBudget,
    caller: CurrentIdentity,
    desk: CurrentDesk,
    platform: CurrentPlatform,
) -> schemas.ShownBudget:
    """Set an organisation's limit: known here at once, in every process within fifteen seconds."""
    return await _set(Scope(org), given, desk, _change(caller, platform))


@router.put("/ai/budgets/{org}/{team}", dependencies=[_WRITE])
async def set_team(
    org: schemas.OrgName,
    team: schemas.TeamName,
    given: schemas.NewBudget,
    caller: CurrentIdentity,
    desk: CurrentDesk,
    platform: CurrentPlatform,
) -> schemas.ShownBudget:
    """Set a team's limit."""
    return await _set(Scope(org, team), given, desk, _change(caller, platform))


@router.put("/ai/budgets/{org}/{team}/{key}", dependencies=[_WRITE])
async def set_key(
    org: schemas.OrgName,
    team: schemas.TeamName,
    key: schemas.KeyName,
    given: schemas.NewBudget,
    caller: CurrentIdentity,
    desk: CurrentDesk,
    platform: CurrentPlatform,
) -> schemas.ShownBudget:
    """Set the limit of one key, or of one user."""
    return await _set(Scope(org, team, key), given, desk, _change(caller, platform))


PeriodAsked = Annotated[Period, Query(description="Whose limit is removed.")]


@router.delete("/ai/budgets/{org}", status_code=204, dependencies=[_WRITE])
async def remove_org(
    org: schemas.OrgName,
    caller: CurrentIdentity,
    desk: CurrentDesk,
    platform: CurrentPlatform,
    period: PeriodAsked = Period.MONTH,
) -> None:
    """Remove an organisation's limit: the default one holds again."""
    await _remove(Scope(org), period, desk, _change(caller, platform))


@router.delete("/ai/budgets/{org}/{team}", status_code=204, dependencies=[_WRITE])
async def remove_team(
    org: schemas.OrgName,
    team: schemas.TeamName,
    caller: CurrentIdentity,
    desk: CurrentDesk,
    platform: CurrentPlatform,
    period: PeriodAsked = Period.MONTH,
) -> None:
    """Remove a team's limit."""
    await _remove(Scope(org, team), period, desk, _change(caller, platform))


@router.delete("/ai/budgets/{org}/{team}/{key}", status_code=204, dependencies=[_WRITE])
async def remove_key(
    org: schemas.OrgName,
    team: schemas.TeamName,
    key: schemas.KeyName,
    caller: CurrentIdentity,
    desk: CurrentDesk,
    platform: CurrentPlatform,
    period: PeriodAsked = Period.MONTH,
) -> None:
    """Remove the limit of one key, or of one user."""
    await _remove(Scope(org, team, key), period, desk, _change(caller, platform))


@router.put("/ai/members/{subject}", dependencies=[_WRITE])
async def assign(
    subject: schemas.Subject,
    given: schemas.Membership,
    caller: CurrentIdentity,
    desk: CurrentDesk,
    platform: CurrentPlatform,
) -> schemas.Membership:
    """Let a user, and all keys of theirs, spend for a team: known in every process within 40 s."""
    await desk.members.assign(subject, Member(given.org, given.team), _change(caller, platform))
    return given


@router.delete("/ai/members/{subject}", status_code=204, dependencies=[_WRITE])
async def unassign(
    subject: schemas.Subject, caller: CurrentIdentity, desk: CurrentDesk, platform: CurrentPlatform
) -> None:
    """Let a user spend for themselves again."""
    if not await desk.members.unassign(subject, _change(caller, platform)):
        raise Problem(404, "unknown-member", "This subject is assigned to no organisation.")


async def _set(
    scope: Scope, given: schemas.NewBudget, desk: BudgetDesk, change: Change
) -> schemas.ShownBudget:
    budget = Budget(scope, given.limit_microdollars, given.period, given.low_share)
    await desk.books.limits.store.put(budget, change)
    await desk.books.limits.forget(scope.org)
    [shown] = await desk.shown(scope.org, [budget])
    return shown


async def _remove(scope: Scope, period: Period, desk: BudgetDesk, change: Change) -> None:
    if not await desk.books.limits.store.delete(scope, period, change):
        raise Problem(404, "unknown-budget", f"{scope.level} {scope.name} has no budget by {period}.")
    await desk.books.limits.forget(scope.org)


def _change(caller: Identity, platform: Platform) -> Change:
    actor = f"{caller.subject} by key {caller.key_id}" if caller.key_id else caller.subject
    return Change(actor[:160], str(logs.fact("request_id") or "none"), platform.settings.region)


def _shown(account: Account, sums: tuple[int, int] | None) -> schemas.ShownBudget:
    budget, scope = account.budget, account.budget.scope
    settled, reserved = sums if sums is not None else (None, None)
    known = standing([account], [sums]) if sums is not None else None
    return schemas.ShownBudget(
        level=scope.level,
        org=scope.org,
        team=scope.team,
        key=scope.key,
        period=budget.period,
        limit_microdollars=budget.limit,
        low_share=budget.low_share,
        settled_microdollars=settled,
        reserved_microdollars=reserved,
        left_microdollars=known.left if known else None,
        low=known.low if known else None,
        resets_at=account.resets,
    )
