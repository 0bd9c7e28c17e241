"""Rows of one person leave a real Postgres, by what each schema declares; all schemas or none."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.lambda_.erasure.conftest import MASTER, Postgres

ACCOUNTS = """
create function accounts.erase_subject(subject text, dry_run boolean)
returns table (relation text, affected bigint) language plpgsql as $$
begin
  relation := 'people';
  if dry_run then
    select count(*) into affected from accounts.people p where p.id = subject;
  else
    with gone as (delete from accounts.people p where p.id = subject returning 1)
    select count(*) into affected from gone;
  end if;
  return next;
end $$
"""

TRADES = """
create function trades.erase_subject(subject text, dry_run boolean)
returns table (relation text, affected bigint) language plpgsql as $$
begin
  relation := 'orders';
  if dry_run then
    select count(*) into affected from trades.orders o where o.person = subject;
  else
    with changed as (update trades.orders o set person = null where o.person = subject returning 1)
    select count(*) into affected from changed;
  end if;
  return next;
end $$
"""


@pytest.fixture
def people(postgres: Postgres) -> Iterator[Postgres]:
    """Two services: one forgets a person, the other must keep its orders and forgets whose they were."""
    for statement in (
        "create schema accounts",
        "create table accounts.people (id text primary key, name text)",
        "insert into accounts.people values ('ada', 'Ada'), ('alan', 'Alan')",
        ACCOUNTS,
        "create schema trades",
        "create table trades.orders (number int, person text)",
        "insert into trades.orders values (1, 'ada'), (2, 'ada'), (3, 'alan')",
        TRADES,
    ):
        postgres.sql(statement)
    yield postgres
    postgres.sql("drop schema accounts cascade")
    postgres.sql("drop schema if exists trades cascade")


def erase(database: ModuleType, server: Postgres, subject: str = "ada", *, dry_run: bool = False) -> Any:
    user = {"username": MASTER.user, "password": MASTER.password}
    with database.connect("127.0.0.1", server.port, False, user) as connection:
        return database.erase(connection, subject, dry_run=dry_run)


def test_every_schema_forgets_in_its_own_way(database: ModuleType, people: Postgres) -> None:
    assert erase(database, people) == {
        "done": True,
        "erased": {"accounts.people": 1, "trades.orders": 2},
        "schemas": ["accounts", "trades"],
    }
    assert people.sql("select id from accounts.people") == [("alan",)]
    assert people.sql("select number::text, person from trades.orders order by 1") == [
        ("1", None),
        ("2", None),
        ("3", "alan"),
    ]


def test_second_erasure_affects_nothing(database: ModuleType, people: Postgres) -> None:
    erase(database, people)
    assert erase(database, people)["erased"] == {"accounts.people": 0, "trades.orders": 0}


def test_dry_run_counts_and_changes_nothing(database: ModuleType, people: Postgres) -> None:
    assert erase(database, people, dry_run=True)["erased"] == {"accounts.people": 1, "trades.orders": 2}
    assert len(people.sql("select 1 from accounts.people")) == 2


def test_dry_run_is_rolled_back_even_where_a_function_forgets_about_it(
    database: ModuleType, people: Postgres
) -> None:
    people.sql(
        TRADES.replace("create function", "create or replace function").replace("if dry_run", "if false")
    )
    assert erase(database, people, dry_run=True)["erased"]["trades.orders"] == 2
    assert people.sql("select 1 from trades.orders where person = 'ada'") == [("1",), ("1",)]


def test_failure_in_one_schema_erases_in_none(database: ModuleType, people: Postgres) -> None:
    people.sql("drop table trades.orders")
    with pytest.raises(Exception, match=r"trades\.orders"):
        erase(database, people)
    assert len(people.sql("select 1 from accounts.people")) == 2


def test_database_without_people_is_no_error(database: ModuleType, postgres: Postgres) -> None:
    assert erase(database, postgres) == {"done": True, "erased": {}, "schemas": []}


def test_id_that_looks_like_sql_is_only_a_value(database: ModuleType, people: Postgres) -> None:
    assert erase(database, people, "'; drop schema accounts cascade; --")["erased"]["accounts.people"] == 0
    assert len(people.sql("select 1 from accounts.people")) == 2


def test_wrong_password_is_refused(database: ModuleType, postgres: Postgres) -> None:
    user = {"username": MASTER.user, "password": "wrong"}
    with pytest.raises(Exception, match="28P01"):
        database.connect("127.0.0.1", postgres.port, False, user)


def test_server_without_tls_is_refused_where_tls_is_asked_for(
    database: ModuleType, postgres: Postgres
) -> None:
    with pytest.raises(Exception, match="does not speak TLS"):
        database.connect("127.0.0.1", postgres.port, True, {"username": "a", "password": "b"})
