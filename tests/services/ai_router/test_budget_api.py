"""Budgets over HTTP: who may set one, what is told of it, and that each change is written down."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from cache_servers import CachePair
from gateway_task import task_environment
from money_app import money_client
from money_stores import Till
from postgres_servers import PostgresCluster
from richesreach.ai_router.budgets.model import BudgetExhaustedError
from richesreach.ai_router.model import Caller
from richesreach.ai_router.money import Money
from token_issuer import SUBJECT, Issuer, bearer, issuer


@pytest.fixture
def tokens() -> Iterator[Issuer]:
    with issuer() as found:
        yield found


@pytest.fixture
async def desk(
    ai_database: PostgresCluster, caches: CachePair, tokens: Issuer
) -> AsyncIterator[tuple[httpx.AsyncClient, Money]]:
    environment = task_environment(ai_database, caches) | tokens.variables
    async with money_client(environment | {"AWS_REGION": "us-east-1", "AI_DEFAULT_BUDGET": "900"}) as found:
        yield found


@pytest.fixture
def admin(tokens: Issuer) -> dict[str, str]:
    return bearer(tokens.token("admin"))


Desk = tuple[httpx.AsyncClient, Money]


async def test_an_administrator_sets_a_limit_and_sees_what_it_stands_at(
    desk: Desk, admin: dict[str, str], org: str
) -> None:
    client, money = desk
    for path, limit in (("", 1000), ("/quants", 600), ("/quants/key-1", 300)):
        answer = await client.put(
            f"/ai/budgets/{org}{path}", json={"limit_microdollars": limit}, headers=admin
        )
        assert answer.status_code == 200, answer.text
    await Till.take_of(money.books, Caller(org, "quants", "key-1"), 100)
    found = (await client.get(f"/ai/budgets/{org}", headers=admin)).json()["budgets"]
    assert [(budget["level"], budget["left_microdollars"]) for budget in found] == [
        ("org", 900),
        ("team", 500),
        ("key", 200),
    ]
    assert {budget["reserved_microdollars"] for budget in found} == {100}
    listed = (await client.get("/ai/budgets", headers=admin)).json()["budgets"]
    assert {budget["key"] for budget in listed if budget["org"] == org} == {None, "key-1"}


async def test_a_limit_that_is_removed_leaves_the_default_one(
    desk: Desk, admin: dict[str, str], org: str
) -> None:
    client, money = desk
    await client.put(f"/ai/budgets/{org}", json={"limit_microdollars": 10}, headers=admin)
    with pytest.raises(BudgetExhaustedError):
        await Till.take_of(money.books, Caller(org, "t", "k"), 11)
    assert (await client.delete(f"/ai/budgets/{org}", headers=admin)).status_code == 204
    assert (await Till.take_of(money.books, Caller(org, "t", "k"), 11)).standing.left == 889
    again = await client.delete(f"/ai/budgets/{org}", headers=admin)
    assert (again.status_code, again.json()["type"]) == (404, "urn:richesreach:problem:unknown-budget")


async def test_each_change_is_written_down_and_cannot_be_unwritten(
    desk: Desk, admin: dict[str, str], org: str, ai_database: PostgresCluster
) -> None:
    client, _ = desk
    await client.put(f"/ai/budgets/{org}", json={"limit_microdollars": 10, "period": "day"}, headers=admin)
    await client.delete(f"/ai/budgets/{org}?period=day", headers=admin)
    columns = "action, actor, details->>'limit_microdollars'"
    noted = f"select {columns} from ai_budget_changes where target = '{org} day'"  # noqa: S608
    assert ai_database.sql(noted).splitlines() == [f"set|{SUBJECT}|10", f"removed|{SUBJECT}|10"]
    with pytest.raises(AssertionError, match="append-only: delete is refused"):
        ai_database.sql("delete from ai_budget_changes")


async def test_only_administrators_set_limits(desk: Desk, tokens: Issuer, org: str) -> None:
    client, _ = desk
    body = {"limit_microdollars": 10}
    assert (await client.put(f"/ai/budgets/{org}", json=body)).status_code == 401
    trader = bearer(tokens.token("trader"))
    assert (await client.put(f"/ai/budgets/{org}", json=body, headers=trader)).status_code == 403
    assert (await client.get(f"/ai/budgets/{org}", headers=trader)).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"limit_microdollars": -1},
        {"limit_microdollars": True},
        {"limit_microdollars": "10"},
        {"limit_microdollars": 10**16},
        {"limit_microdollars": 10, "period": "week"},
        {"limit_microdollars": 10, "low_share": 1.5},
        {"limit_microdollars": 10, "limits": 5},
        {},
    ],
)
async def test_a_limit_that_is_none_is_refused(
    desk: Desk, admin: dict[str, str], org: str, body: dict[str, object]
) -> None:
    client, _ = desk
    answer = await client.put(f"/ai/budgets/{org}", json=body, headers=admin)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:richesreach:problem:invalid-request")


async def test_who_belongs_to_a_team_spends_its_money_and_sees_what_is_left(
    desk: Desk, admin: dict[str, str], tokens: Issuer, org: str
) -> None:
    client, _ = desk
    viewer = bearer(tokens.token("viewer"))
    own = (await client.get("/ai/budget", headers=viewer)).json()["budgets"]
    assert [(budget["org"], budget["limit_microdollars"]) for budget in own] == [(SUBJECT, 900)]
    await client.put(f"/ai/budgets/{org}/quants", json={"limit_microdollars": 70}, headers=admin)
    await client.put(f"/ai/budgets/{org}/others", json={"limit_microdollars": 80}, headers=admin)
    member = {"org": org, "team": "quants"}
    assert (await client.put(f"/ai/members/{SUBJECT}", json=member, headers=admin)).status_code == 200
    joined = (await client.get("/ai/budget", headers=viewer)).json()["budgets"]
    assert [(budget["org"], budget["team"]) for budget in joined] == [(org, None), (org, "quants")]
    assert (await client.delete(f"/ai/members/{SUBJECT}", headers=admin)).status_code == 204
    left = (await client.get("/ai/budget", headers=viewer)).json()["budgets"]
    assert [budget["org"] for budget in left] == [SUBJECT]
    assert (await client.delete(f"/ai/members/{SUBJECT}", headers=admin)).status_code == 404


async def test_the_document_describes_the_routes(desk: Desk) -> None:
    client, _ = desk
    document = (await client.get("/ai/openapi.json")).json()
    assert {"get", "put", "delete"} == set(document["paths"]["/ai/budgets/{org}"])
