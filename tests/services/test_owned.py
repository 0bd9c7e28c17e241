"""Watchlists and alerts: each subject's own, within limits, and done once however often they are sent."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import uuid4

import pytest
from gateway_task import Environment
from market_stores import Stores, stores
from postgres_servers import PostgresCluster
from richesreach.core import freshness
from richesreach.gateway.market import alerts, watchlists
from richesreach.gateway.market.errors import (
    ConflictError,
    InvalidError,
    KeyReusedError,
    LimitReachedError,
    UnknownError,
)
from richesreach.gateway.market.model import Condition


@pytest.fixture
async def opened(environment: Environment) -> AsyncIterator[Stores]:
    token = freshness._writes.set(freshness.Writes(None))  # as within a request
    async with stores(environment) as found:
        yield found
    freshness._writes.reset(token)


@pytest.fixture
def ann() -> str:
    """A subject that nobody was before."""
    return f"user-{uuid4()}"


async def test_a_watchlist_keeps_the_order_of_its_symbols(opened: Stores, ann: str) -> None:
    made = await opened.watchlists.create(ann, "  Chips ", ["NVDA", "asml", "AAPL", "NVDA"])
    assert (made.name, made.symbols) == ("Chips", ("NVDA", "ASML", "AAPL"))
    assert await opened.watchlists.get(ann, made.id) == made


async def test_another_subject_does_not_see_a_watchlist(opened: Stores, ann: str) -> None:
    made = await opened.watchlists.create(ann, "Mine", ["AAPL"])
    eve = f"user-{uuid4()}"
    for doing in (
        opened.watchlists.get(eve, made.id),
        opened.watchlists.change(eve, made.id, name="Hers"),
        opened.watchlists.delete(eve, made.id),
    ):
        with pytest.raises(UnknownError):
            await doing
    assert (await opened.watchlists.page(eve)).items == ()


async def test_two_watchlists_of_one_subject_have_two_names(opened: Stores, ann: str) -> None:
    await opened.watchlists.create(ann, "Same", [])
    with pytest.raises(ConflictError):
        await opened.watchlists.create(ann, "Same", [])


async def test_an_unknown_symbol_makes_no_watchlist(opened: Stores, ann: str) -> None:
    with pytest.raises(UnknownError, match="NOSUCH"):
        await opened.watchlists.create(ann, "Half", ["AAPL", "NOSUCH"])
    assert (await opened.watchlists.page(ann)).items == ()


async def test_changing_a_watchlist_leaves_what_is_not_named(opened: Stores, ann: str) -> None:
    made = await opened.watchlists.create(ann, "Old", ["AAPL"])
    renamed = await opened.watchlists.change(ann, made.id, name="New")
    assert (renamed.name, renamed.symbols) == ("New", ("AAPL",))
    refilled = await opened.watchlists.change(ann, made.id, symbols=["SPY", "AAPL"])
    assert (refilled.name, refilled.symbols) == ("New", ("SPY", "AAPL"))


async def test_a_request_sent_twice_with_its_key_is_done_once(opened: Stores, ann: str) -> None:
    first = await opened.watchlists.create(ann, "Once", ["AAPL"], key="k-1")
    again = await opened.watchlists.create(ann, "Once", ["AAPL"], key="k-1")
    assert again == first
    assert len((await opened.watchlists.page(ann)).items) == 1


async def test_requests_with_one_key_at_the_same_time_are_done_once(opened: Stores, ann: str) -> None:
    made = await asyncio.gather(
        *(opened.alerts.create(ann, "AAPL", Condition.ABOVE, Decimal(200), key="k") for _ in range(5))
    )
    assert len({alert.id for alert in made}) == 1
    assert len((await opened.alerts.page(ann)).items) == 1


async def test_a_key_that_comes_with_another_request_is_refused(opened: Stores, ann: str) -> None:
    await opened.watchlists.create(ann, "One", [], key="k-1")
    with pytest.raises(KeyReusedError):
        await opened.watchlists.create(ann, "Two", [], key="k-1")


async def test_keys_of_two_subjects_have_nothing_to_do_with_each_other(opened: Stores, ann: str) -> None:
    hers = await opened.watchlists.create(ann, "One", [], key="k-1")
    his = await opened.watchlists.create(f"user-{uuid4()}", "One", [], key="k-1")
    assert hers.id != his.id


async def test_a_request_that_failed_may_be_sent_again_with_its_key(opened: Stores, ann: str) -> None:
    first = await opened.watchlists.create(ann, "Taken", [])
    with pytest.raises(ConflictError):
        await opened.watchlists.create(ann, "Taken", [], key="k-1")
    await opened.watchlists.delete(ann, first.id)
    assert (await opened.watchlists.create(ann, "Taken", [], key="k-1")).name == "Taken"


async def test_there_are_no_more_watchlists_than_the_limit(
    opened: Stores, ann: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchlists, "MAX_WATCHLISTS", 3)
    made = await asyncio.gather(
        *(opened.watchlists.create(ann, f"List {number}", []) for number in range(6)), return_exceptions=True
    )
    assert sum(isinstance(each, LimitReachedError) for each in made) == 3
    assert len((await opened.watchlists.page(ann)).items) == 3


async def test_there_are_no_more_alerts_than_the_limit(
    opened: Stores, ann: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "MAX_ALERTS", 1)
    await opened.alerts.create(ann, "AAPL", Condition.ABOVE, Decimal(1))
    with pytest.raises(LimitReachedError):
        await opened.alerts.create(ann, "AAPL", Condition.ABOVE, Decimal(2))


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\x00b", "line\nbreak", "half \ud800 pair"])
async def test_a_name_that_cannot_be_shown_is_refused(opened: Stores, ann: str, name: str) -> None:
    with pytest.raises(InvalidError):
        await opened.watchlists.create(ann, name, [])


@pytest.mark.parametrize("threshold", ["0", "-1", "NaN", "Infinity", "1e12", "1e-9", "1e400"])
async def test_a_threshold_is_a_price_that_can_be_kept(opened: Stores, ann: str, threshold: str) -> None:
    with pytest.raises(InvalidError):
        await opened.alerts.create(ann, "AAPL", Condition.BELOW, Decimal(threshold))


@pytest.mark.parametrize("key", ["", "x" * 81, "a\x00", "schlüssel", "new\nline"])
async def test_an_idempotency_key_is_short_and_printable(opened: Stores, ann: str, key: str) -> None:
    with pytest.raises(InvalidError):
        await opened.watchlists.create(ann, "List", [], key=key)


async def test_an_alert_is_switched_off_and_keeps_its_threshold(opened: Stores, ann: str) -> None:
    made = await opened.alerts.create(ann, "aapl", Condition.ABOVE, Decimal("200.5"), note="sell")
    changed = await opened.alerts.change(ann, made.id, active=False)
    assert (changed.active, changed.threshold, changed.note) == (False, Decimal("200.5"), "sell")
    assert (await opened.alerts.get(ann, made.id)).active is False


async def test_alerts_of_one_symbol_are_found(opened: Stores, ann: str) -> None:
    for symbol in ("AAPL", "SPY", "AAPL"):
        await opened.alerts.create(ann, symbol, Condition.ABOVE, Decimal(1))
    assert [alert.symbol for alert in (await opened.alerts.page(ann, symbol="aapl")).items] == ["AAPL"] * 2


async def test_a_deleted_alert_is_gone(opened: Stores, ann: str) -> None:
    made = await opened.alerts.create(ann, "AAPL", Condition.ABOVE, Decimal(1))
    assert await opened.alerts.delete(ann, made.id) == made.id
    with pytest.raises(UnknownError):
        await opened.alerts.delete(ann, made.id)


async def test_old_keys_are_forgotten(opened: Stores, ann: str, database: PostgresCluster) -> None:
    await opened.watchlists.create(ann, "One", [], key="old")
    database.sql("update market_requests set asked_at = now() - interval '2 days' where key = 'old'")
    await opened.watchlists.create(ann, "Two", [], key="new")
    assert database.sql(f"select key from market_requests where subject = '{ann}'") == "new"  # noqa: S608


async def test_erasing_a_person_leaves_nothing_of_theirs(
    opened: Stores, ann: str, database: PostgresCluster
) -> None:
    await opened.watchlists.create(ann, "Mine", ["AAPL"])
    await opened.alerts.create(ann, "AAPL", Condition.ABOVE, Decimal(1))
    found = database.sql(f"select relation, affected from erase_subject('{ann}', false)").splitlines()  # noqa: S608
    assert {"watchlists|1", "alerts|1", "market_requests|2"} <= set(found)
    for table in ("watchlists", "alerts", "market_requests"):
        assert database.sql(f"select count(*) from {table} where subject = '{ann}'") == "0"  # noqa: S608
