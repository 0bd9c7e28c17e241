"""What becomes of requests is recorded, reported and judged."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cache_servers import CachePair
from gateway_task import task_environment
from hypothesis import given
from hypothesis import strategies as st
from money_app import money_client
from money_stores import settings_of
from postgres_servers import PostgresCluster
from prometheus_client import CollectorRegistry
from richesreach.ai_router.model import Attempt, Caller, Failure, Usage
from richesreach.ai_router.money import Money
from richesreach.ai_router.routing.catalogue import Catalogue
from richesreach.ai_router.routing.estimates import Estimates
from richesreach.ai_router.tracking.metrics import AiMetrics
from richesreach.ai_router.tracking.model import Cached, Served
from richesreach.ai_router.tracking.quality import FURTHEST, HALF_LIFE, MOST_A_DAY, Verdicts
from richesreach.ai_router.tracking.store import RecordStore
from richesreach.ai_router.tracking.tracker import Tracker
from richesreach.core.database import Database
from richesreach.core.events.schemas import AnalyticsEvent
from richesreach.core.events.topics import ANALYTICS_EVENTS
from stream_client import events_of
from stream_servers import broker
from token_issuer import SUBJECT, Issuer, bearer, issuer

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def attempt(seconds: float = 1.0, failure: Failure | None = None, model: str = "gpt-4o-mini") -> Attempt:
    return Attempt(model, "openai", "a", seconds, seconds / 4, Usage(100, 20, 40), 12, failure)


def served(org: str, *attempts: Attempt, **changed: Any) -> Served:
    given = {
        "request_id": uuid4().hex,
        "caller": Caller(org, "quants", "key-1"),
        "task": "general",
        "asked": "auto",
        "outcome": "ok",
        "seconds": sum(one.seconds for one in attempts),
        "first_token": None,
        "cost": sum(one.cost for one in attempts),
        "attempts": attempts,
    }
    return Served(**{**given, **changed})


@pytest.fixture
async def tracker(ai_database: PostgresCluster) -> AsyncIterator[Tracker]:
    database = Database(settings_of(ai_database))
    await database.open()
    yield Tracker(RecordStore(database, "us-east-1"), AiMetrics(CollectorRegistry()), None)
    await database.close()


async def test_a_request_and_its_attempts_are_recorded_once(
    tracker: Tracker, ai_database: PostgresCluster, org: str
) -> None:
    failed = attempt(0.5, Failure.OVERLOADED, "gpt-4o")
    tracker.record(served(org, failed, attempt(), outcome="ok", downgraded=True))
    for _ in range(2):
        await tracker.tell()
    columns = "model, provider, attempts, input_tokens, output_tokens, cost, downgraded"
    where = f"where org = '{org}'"
    assert ai_database.sql(f"select {columns} from ai_requests {where}") == (  # noqa: S608
        "gpt-4o-mini|openai|2|200|40|24|t"
    )
    rows = ai_database.sql(f"select number, model, failure from ai_attempts {where} order by 1")  # noqa: S608
    assert rows.splitlines() == ["0|gpt-4o|overloaded", "1|gpt-4o-mini|"]


async def test_whatever_a_caller_sends_can_be_recorded(
    tracker: Tracker, ai_database: PostgresCluster, org: str
) -> None:
    tracker.record(served(org, asked="\x00\ud800" + "x" * 5000, task="\x00", outcome="unknown_model"))
    await tracker.tell()
    assert ai_database.sql(f"select outcome from ai_requests where org = '{org}'") == "unknown_model"  # noqa: S608


async def test_records_wait_for_a_database_that_is_away(
    own_database_of_ai: PostgresCluster, org: str
) -> None:
    database = Database(settings_of(own_database_of_ai))
    await database.open()
    tracker = Tracker(RecordStore(database, "us-east-1"), AiMetrics(CollectorRegistry()), None)
    own_database_of_ai.writer.stop()
    tracker.record(served(org, attempt()))
    await tracker.tell()
    own_database_of_ai.writer.start()
    tracker.record(served(org, attempt()))
    await tracker.tell()
    found = own_database_of_ai.sql(f"select count(*) from ai_requests where org = '{org}'")  # noqa: S608
    assert found == "2"
    await database.close()


async def test_each_request_is_told_on_the_stream(ai_database: PostgresCluster, org: str) -> None:
    database = Database(settings_of(ai_database))
    await database.open()
    registry = CollectorRegistry()
    with broker() as kafka:
        async with (
            events_of(kafka.endpoint, "ai-router") as events,
            events.tail(ANALYTICS_EVENTS) as heard,
        ):
            tracker = Tracker(RecordStore(database, "us-east-1"), AiMetrics(registry), events)
            tracker.record(served(org, attempt()))
            await tracker.tell()
            event = await anext(heard)
    await database.close()
    assert isinstance(event, AnalyticsEvent)
    assert (event.name, event.service, event.user) == ("ai.request", "ai-router", "key-1")
    assert event.attributes["org"] == org
    assert event.attributes["cost_microdollars"] == 12
    lost = registry.get_sample_value("richesreach_ai_records_lost_total", {"where": "stream"})
    assert lost is None


async def test_what_is_old_is_forgotten(tracker: Tracker, ai_database: PostgresCluster, org: str) -> None:
    tracker.record(served(org, attempt()))
    await tracker.tell()
    now = datetime.now(UTC).timestamp()
    for days, left in ((1, "1"), (0, "0")):
        await tracker._store.forget(days, now + 1)
        assert ai_database.sql(f"select count(*) from ai_requests where org = '{org}'") == left  # noqa: S608


async def test_metrics_tell_tokens_cost_and_failures(org: str) -> None:
    registry = CollectorRegistry()
    metrics = AiMetrics(registry)
    failed_first = served(org, attempt(0.5, Failure.OVERLOADED), attempt())
    metrics.served([failed_first, served(org, cached=Cached.EXACT, cached_model="gpt-4o-mini")])

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"richesreach_ai_{name}", labels)

    ok = {"model": "gpt-4o-mini", "outcome": "ok"}
    assert value("requests_total", **ok, cached="none") == value("requests_total", **ok, cached="exact") == 1
    assert value("attempts_total", provider="openai", outcome="overloaded") == 1
    assert value("tokens_total", model="gpt-4o-mini", direction="input") == 120
    assert value("tokens_total", model="gpt-4o-mini", direction="cached") == 80
    assert value("cost_microdollars_total", model="gpt-4o-mini") == 24


def test_metrics_tell_how_long_answers_and_their_beginnings_took(org: str) -> None:
    registry = CollectorRegistry()
    metrics = AiMetrics(registry)
    metrics.served([served(org, attempt(0.1)), served(org, attempt(100.0)), served(org, outcome="cancelled")])
    metrics.served([served(org, attempt(1.5))])

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"richesreach_ai_{name}", {"model": "gpt-4o-mini", **labels})

    buckets = [
        value("request_duration_seconds_bucket", le=le) for le in ("0.05", "0.1", "2.0", "60.0", "+Inf")
    ]
    assert buckets == [0, 1, 2, 2, 3]
    assert value("request_duration_seconds_sum") == pytest.approx(101.6)
    assert value("first_token_seconds_count") == 3
    assert value("first_token_seconds_sum") == pytest.approx(25.4)


@pytest.fixture
def tokens() -> Iterator[Issuer]:
    with issuer() as found:
        yield found


Desk = tuple[httpx.AsyncClient, Money]


@pytest.fixture
async def desk(ai_database: PostgresCluster, caches: CachePair, tokens: Issuer) -> AsyncIterator[Desk]:
    environment = task_environment(ai_database, caches) | tokens.variables
    async with money_client(environment | {"AWS_REGION": "us-east-1"}) as found:
        yield found


@pytest.fixture
def admin(tokens: Issuer) -> dict[str, str]:
    return bearer(tokens.token("admin"))


async def told(money: Money, database: PostgresCluster, *records: Served) -> None:
    for record in records:
        money.tracker.record(record)
    await money.tracker.tell()
    await asyncio.to_thread(database.replicated)


async def test_performance_tells_percentiles_by_model_and_of_all_requests(
    desk: Desk, admin: dict[str, str], ai_database: PostgresCluster, org: str
) -> None:
    client, money = desk
    answered = [served(org, attempt(n / 100)) for n in range(1, 101)]
    failed = served(org, attempt(9, Failure.TIMEOUT), outcome="timeout")
    await told(money, ai_database, *answered, failed)
    found = (await client.get(f"/ai/performance?org={org}&window=5m", headers=admin)).json()
    assert (found["total"]["requests"], found["total"]["answered"]) == (101, 100)
    [model] = found["models"]
    assert (model["attempts"], model["answered"], model["failures"]) == (101, 100, {"timeout": 1})
    assert model["seconds"]["p50"] == pytest.approx(0.505)
    assert model["seconds"]["p99"] == pytest.approx(0.9901)
    assert model["cost_microdollars"] == 101 * 12


async def test_nobody_but_administrators_sees_another_organisations_performance(
    desk: Desk, tokens: Issuer, org: str
) -> None:
    client, _ = desk
    viewer = bearer(tokens.token("viewer"))
    assert (await client.get(f"/ai/performance?org={org}", headers=viewer)).status_code == 403
    assert (await client.get("/ai/performance", headers=viewer)).json()["org"] == SUBJECT
    assert (await client.get("/ai/performance")).status_code == 401
    assert (await client.get("/ai/performance?window=2y", headers=viewer)).status_code == 422


async def test_an_empty_window_has_no_percentiles(desk: Desk, admin: dict[str, str], org: str) -> None:
    client, _ = desk
    found = (await client.get(f"/ai/performance?org={org}", headers=admin)).json()
    assert (found["total"]["requests"], found["total"]["seconds"], found["models"]) == (0, None, [])


async def test_a_verdict_moves_what_is_held_of_the_model_that_answered(
    desk: Desk, tokens: Issuer, ai_database: PostgresCluster
) -> None:
    client, money = desk
    viewer = bearer(tokens.token("viewer"))
    task = f"task-{uuid4().hex[:8]}"
    catalogue, estimates = Catalogue.of({}, datetime.now(UTC)), Estimates()
    model = next(found for found in catalogue.models if found.name == "gpt-4o-mini")
    before = estimates.of(model).quality(task)
    answered = [served(SUBJECT, attempt(), task=task) for _ in range(10)]
    await told(money, ai_database, *answered)
    for one in answered:
        answer = await client.post(
            "/ai/feedback", json={"request_id": one.request_id, "score": 0}, headers=viewer
        )
        assert (answer.status_code, answer.json()) == (200, {"counted": True})
    await asyncio.to_thread(ai_database.replicated)
    await money.judged(estimates, catalogue)
    assert before - FURTHEST <= estimates.of(model).quality(task) < before


async def test_one_answer_is_judged_once_and_one_subject_counts_so_often_a_day(
    desk: Desk, tokens: Issuer, ai_database: PostgresCluster
) -> None:
    client, money = desk
    viewer = bearer(tokens.token("viewer"))
    task = f"task-{uuid4().hex[:8]}"
    answered = [served(SUBJECT, attempt(), task=task) for _ in range(MOST_A_DAY + 1)]
    await told(money, ai_database, *answered)
    ids = [one.request_id for one in answered]
    counted = []
    for id_ in [ids[0], *ids]:
        answer = await client.post("/ai/feedback", json={"request_id": id_, "score": 1}, headers=viewer)
        counted.append(answer.json()["counted"])
    assert counted == [True, False, *[True] * (MOST_A_DAY - 1), False]


async def test_nobody_judges_what_another_organisation_was_answered(
    desk: Desk, tokens: Issuer, ai_database: PostgresCluster, org: str
) -> None:
    client, money = desk
    theirs = served(org, attempt())
    await told(money, ai_database, theirs)
    given = {"request_id": theirs.request_id, "score": 0.5}
    answer = await client.post("/ai/feedback", json=given, headers=bearer(tokens.token("viewer")))
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:richesreach:problem:unknown-request")


@pytest.mark.parametrize("score", [-0.1, 1.1, True, "1", None])
async def test_a_score_that_is_none_is_refused(desk: Desk, tokens: Issuer, score: object) -> None:
    client, _ = desk
    given = {"request_id": "x", "score": score}
    answer = await client.post("/ai/feedback", json=given, headers=bearer(tokens.token("viewer")))
    assert answer.status_code == 422


numbers = st.floats(0, 1e6)


@given(st.floats(0, 1), numbers, st.floats(0, 1), st.floats(0, 1000))
def test_verdicts_move_a_prior_towards_them_and_never_far(
    prior: float, weight: float, mean: float, days: float
) -> None:
    verdicts = Verdicts("m", "t", mean * weight, weight, NOW)
    moved = verdicts.moved(prior, NOW + timedelta(days=days))
    assert max(0.0, prior - FURTHEST) <= moved <= min(1.0, prior + FURTHEST)
    assert min(prior, mean) - 1e-9 <= moved <= max(prior, mean) + 1e-9


def test_verdicts_fade() -> None:
    verdicts = Verdicts("m", "t", 0.0, 5.0, NOW)
    after = [verdicts.moved(0.8, NOW + timedelta(days=HALF_LIFE * n)) for n in range(4)]
    assert after == sorted(after)
    assert after[0] < 0.8
    assert verdicts.moved(0.8, NOW + timedelta(days=3650)) == pytest.approx(0.8)
