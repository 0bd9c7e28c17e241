"""An erased user is in no table, and every change is written down for good."""

import httpx
import pytest
from people import ADMIN, member
from postgres_servers import PostgresCluster
from token_issuer import bearer
from user_pool import Pool


async def test_an_erased_user_is_in_no_table_and_not_in_the_pool(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str], database: PostgresCluster
) -> None:
    subject, token = pool.person(email, "viewer")
    made = (await client.post("/api/keys", headers=bearer(token), json={"name": "x"})).json()
    erased = (await client.delete(f"{ADMIN}/users/{subject}", headers=admin)).json()
    assert erased["in_user_pool"] is True
    assert (erased["rows"]["api_keys"], erased["rows"]["users"]) == (1, 1)
    assert (await client.get(f"{ADMIN}/users/{subject}", headers=admin)).status_code == 404
    assert (await client.get("/api/users/me", headers={"x-api-key": made["key"]})).status_code == 401
    again = (await client.delete(f"{ADMIN}/users/{subject}", headers=admin)).json()
    assert (again["in_user_pool"], set(again["rows"].values())) == (False, {0})


async def test_who_signed_in_erases_the_own_account_and_a_key_does_not(
    client: httpx.AsyncClient, email: str
) -> None:
    headers, _ = await member(client, email)
    made = (await client.post("/api/keys", headers=headers, json={"name": "x"})).json()
    assert (await client.delete("/api/users/me", headers={"x-api-key": made["key"]})).status_code == 403
    erased = await client.delete("/api/users/me", headers=headers)
    assert erased.json()["in_user_pool"] is True


async def test_every_change_is_in_the_audit_trail_with_who_and_where(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str]
) -> None:
    subject, token = pool.person(email, "viewer")
    made = (await client.post("/api/keys", headers=bearer(token), json={"name": "x"})).json()
    await client.delete(f"/api/keys/{made['id']}", headers={**bearer(token), "x-request-id": "revoking-1"})
    found = (await client.get(f"{ADMIN}/audit", headers=admin, params={"target": made["id"]})).json()
    events = found["events"]
    assert [event["action"] for event in events] == ["key.revoked", "key.issued"]
    assert {event["actor"] for event in events} == {subject}
    assert (events[0]["request_id"], events[0]["region"]) == ("revoking-1", "eu-west-1")
    assert made["key"] not in str(found)


async def test_the_audit_trail_is_read_page_by_page_without_gap_or_repetition(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str]
) -> None:
    subject, token = pool.person(email, "viewer")
    for number in range(5):
        await client.post("/api/keys", headers=bearer(token), json={"name": f"key {number}"})
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        params = {"actor": subject, "limit": 2, **cursor}
        page = (await client.get(f"{ADMIN}/audit", headers=admin, params=params)).json()
        seen += [event["id"] for event in page["events"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == 5
    assert seen == sorted(set(seen), reverse=True)


@pytest.mark.parametrize(
    "cursor", ["x", "!!!!", "ZXZlbnQ6", "ZXZlbnQ6LTE", "%00", "ZXZlbnQ6OTk5OTk5OTk5OTk5OTk5OTk5OTk"]
)
async def test_a_cursor_that_no_page_gave_is_refused(
    client: httpx.AsyncClient, admin: dict[str, str], cursor: str
) -> None:
    answer = await client.get(f"{ADMIN}/audit?cursor={cursor}", headers=admin)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "change", ["update audit_events set actor = 'x'", "delete from audit_events", "truncate audit_events"]
)
def test_nothing_changes_the_audit_trail(own_database: PostgresCluster, change: str) -> None:
    own_database.sql(
        "insert into audit_events (actor, action, target, request_id, region)"
        " values ('a', 'user.erased', 't', 'r', 'eu-west-1')"
    )
    with pytest.raises(AssertionError, match="append-only"):
        own_database.sql(change)
    assert own_database.sql("select actor from audit_events") == "a"


def test_every_table_with_a_subject_is_among_those_that_are_erased(database: PostgresCluster) -> None:
    kept = database.sql(
        "select string_agg(c.table_name, ',' order by c.table_name) from information_schema.columns c"
        " where c.table_schema = 'public' and c.column_name in ('subject', 'owner')"
        " and not exists (select from personal_data p where p.relation = c.table_name"
        " and p.subject_column = c.column_name)"
    )
    assert kept == ""


def test_a_dry_run_of_an_erasure_counts_and_deletes_nothing(own_database: PostgresCluster) -> None:
    own_database.sql("insert into users (subject) values ('person-1')")
    counted = "select affected from erase_subject('person-1', true) where relation = 'users'"
    assert [own_database.sql(counted), own_database.sql(counted)] == ["1", "1"]
