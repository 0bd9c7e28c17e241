"""What callers may do: by role, by scope, in one place."""

import pytest
from richesreach.core.access import allows, demand_roles, demand_scopes, requires
from richesreach.core.auth.identity import Identity
from richesreach.core.auth.roles import ROLES, SCOPES_BY_ROLE, roles_within, scopes_of
from richesreach.core.problems import Problem


def with_role(*roles: str) -> Identity:
    return Identity.with_roles("user-1", frozenset(roles), "user")


def status(error: pytest.ExceptionInfo[Problem]) -> int:
    return error.value.status


def test_each_stronger_role_may_do_what_the_weaker_may() -> None:
    assert SCOPES_BY_ROLE["viewer"] < SCOPES_BY_ROLE["trader"] < SCOPES_BY_ROLE["admin"]


def test_only_an_admin_changes_users_and_flags() -> None:
    for scope in ("users:write", "flags:write", "audit:read"):
        assert [role for role in ROLES if scope in SCOPES_BY_ROLE[role]] == ["admin"]


def test_only_who_trades_orders() -> None:
    assert {role for role in ROLES if "orders:write" in SCOPES_BY_ROLE[role]} == {"trader", "admin"}


def test_a_role_that_does_not_exist_may_nothing() -> None:
    assert scopes_of({"root"}) == frozenset()


def test_who_has_one_of_the_roles_is_let_in() -> None:
    caller = with_role("viewer", "admin")
    assert demand_roles(caller, {"admin", "service"}) is caller


def test_who_has_none_of_the_roles_is_forbidden_and_nobody_unauthenticated() -> None:
    with pytest.raises(Problem) as refused:
        demand_roles(with_role("trader"), {"admin"})
    with pytest.raises(Problem) as unknown:
        demand_roles(None, {"admin"})
    assert (status(refused), status(unknown)) == (403, 401)
    assert refused.value.headers["www-authenticate"].endswith('error="insufficient_scope"')


def test_every_scope_that_is_asked_for_is_needed() -> None:
    demand_scopes(with_role("viewer"), "market:read", "watchlists:write")
    with pytest.raises(Problem, match="orders:write") as refused:
        demand_scopes(with_role("viewer"), "market:read", "orders:write")
    with pytest.raises(Problem) as unknown:
        demand_scopes(None, "market:read")
    assert (status(refused), status(unknown)) == (403, 401)


def test_a_role_or_scope_that_does_not_exist_is_no_guard() -> None:
    with pytest.raises(ValueError, match="root"):
        requires("admin", "root")
    with pytest.raises(ValueError, match="market:sell"):
        allows("market:sell")
    with pytest.raises(ValueError, match="no roles"):
        requires()


def test_who_was_given_less_than_a_role_does_not_have_it() -> None:
    less = SCOPES_BY_ROLE["admin"] - {"users:write"}
    assert roles_within({"viewer", "admin"}, less) == {"viewer"}
    assert roles_within({"viewer"}, frozenset({"market:read"})) == frozenset()
