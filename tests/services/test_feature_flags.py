"""Feature flags: for whom a rule holds, how it is written, and that no outage of the datastore matters."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from cache_clock import endpoint
from cache_servers import CachePair
from gateway_task import Environment, client_of, gateway_app, task_environment
from hypothesis import given
from hypothesis import strategies as st
from postgres_servers import PostgresCluster
from richesreach.core.auth.identity import Identity
from richesreach.core.cache import Nodes
from richesreach.core.feature_flags import NAME, FeatureFlags, Flag, Rule, UnfitRuleError, bucket, fit
from richesreach.core.freshness import HEADER
from token_issuer import Issuer, bearer, issuer

FAST = Flag("test.fast", default=False, purpose="tests")
SIZE = Flag("test.size", default=10, purpose="tests")
PATH = "/api/admin/flags/keys.issue"


def caller(subject: str, *roles: str) -> Identity:
    return Identity.with_roles(subject, frozenset(roles or ("viewer",)), "user")


@pytest.fixture
async def servers(own_caches: CachePair) -> AsyncIterator[Nodes]:
    node = [endpoint(own_caches.primary)]
    found = Nodes("global_cache", reads=node, writes=node, tls=False)
    yield found
    await found.close()


@pytest.fixture
def flags(servers: Nodes) -> FeatureFlags:
    return FeatureFlags(servers, "eu-west-1")


async def test_without_a_rule_the_default_holds_for_everybody(flags: FeatureFlags) -> None:
    await flags.look()
    assert (flags.value(FAST), flags.value(SIZE, caller("a"))) == (False, 10)


async def test_another_process_learns_a_rule_and_forgets_it(servers: Nodes, flags: FeatureFlags) -> None:
    other = FeatureFlags(servers, "us-east-1")
    await flags.set(SIZE, Rule(value=25))
    await other.look()
    assert other.value(SIZE) == 25
    await flags.clear(SIZE)
    await other.look()
    assert (other.value(SIZE), flags.value(SIZE)) == (10, 10)


async def test_a_rule_holds_in_its_regions_and_for_its_roles_alone(flags: FeatureFlags) -> None:
    await flags.set(FAST, Rule(value=True, regions=["us-east-1"]))
    assert flags.value(FAST, caller("a")) is False
    await flags.set(FAST, Rule(value=True, regions=["eu-west-1"], roles=["trader"]))
    assert flags.value(FAST, caller("a", "trader")) is True
    assert flags.value(FAST, caller("a", "viewer")) is False
    assert flags.value(FAST) is False


async def test_a_share_of_the_subjects_gets_it_and_nobody_is_in_no_share(flags: FeatureFlags) -> None:
    await flags.set(FAST, Rule(value=True, percent=30))
    share = sum(flags.value(FAST, caller(f"user-{number}")) for number in range(5000)) / 5000
    assert 0.27 < share < 0.33
    assert flags.value(FAST) is False


@given(st.text(), st.floats(0, 100), st.floats(0, 100))
def test_who_is_in_a_share_stays_in_a_greater_one(subject: str, one: float, other: float) -> None:
    small, great = sorted((one, other))
    found = bucket("test.fast", subject)
    assert not (found < small * 100 and not found < great * 100)


def test_the_bucket_of_a_subject_never_changes() -> None:
    """Written down: another hash would move everybody in every rollout at once."""
    assert [bucket("test.fast", subject) for subject in ("", "user-1", "user-2")] == BUCKETS


BUCKETS = [2193, 2603, 1140]


def test_a_value_of_another_type_is_no_rule_of_the_flag() -> None:
    for flag, value in ((FAST, 1), (FAST, "true"), (SIZE, True), (SIZE, 1.5)):
        with pytest.raises(UnfitRuleError, match="values of type"):
            fit(flag, Rule(value=value))


async def test_what_another_version_wrote_leaves_the_default_and_other_rules(
    flags: FeatureFlags, own_caches: CachePair
) -> None:
    await flags.set(SIZE, Rule(value=25))
    own_caches.primary.command("HSET", NAME, "test.fast", "nonsense")
    own_caches.primary.command("HSET", NAME, "other", '{"value": [1]}')
    await flags.look()
    assert (flags.value(FAST), flags.value(SIZE)) == (False, 25)


async def test_without_the_datastore_the_last_rules_serve_on(
    flags: FeatureFlags, own_caches: CachePair
) -> None:
    await flags.set(SIZE, Rule(value=25))
    own_caches.primary.stop()
    await flags.look()
    assert flags.value(SIZE) == 25


@pytest.fixture(scope="module")
def signing() -> Iterator[Issuer]:
    with issuer() as started:
        yield started


@pytest.fixture
def environment(database: PostgresCluster, own_caches: CachePair, signing: Issuer) -> Environment:
    return {**task_environment(database, own_caches), **signing.variables, "RATE_LIMITING": "false"}


@pytest.fixture
async def client(environment: Environment) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(gateway_app(environment)) as opened:
        yield opened


async def put(client: httpx.AsyncClient, headers: dict[str, str], rule: dict[str, object]) -> httpx.Response:
    """Set the flag; on a busy machine the datastore's server may be too slow to connect to at first."""
    deadline = time.monotonic() + 30
    while (answer := await client.put(PATH, headers=headers, json=rule)).status_code == 503:
        assert time.monotonic() < deadline, answer.text
        await asyncio.sleep(0.5)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_flag_that_is_set_acts_in_another_task(
    client: httpx.AsyncClient, environment: Environment, signing: Issuer
) -> None:
    admin, trader = bearer(signing.token("admin")), bearer(signing.token("trader", sub="flagged-1"))
    async with client_of(gateway_app(environment)) as other:
        rule = {"value": False, "roles": ["trader"]}
        await put(client, admin, rule)
        deadline = time.monotonic() + 30
        while (await other.post("/api/keys", headers=trader, json={"name": "x"})).status_code != 503:
            assert time.monotonic() < deadline, "the other task never knew"
            await asyncio.sleep(0.1)
        assert (await other.post("/api/keys", headers=admin, json={"name": "x"})).status_code == 201
    assert (await client.delete(PATH, headers=admin)).status_code == 204
    assert (await client.post("/api/keys", headers=trader, json={"name": "x"})).status_code == 201


async def test_who_set_a_flag_is_in_the_trail(client: httpx.AsyncClient, signing: Issuer) -> None:
    admin = bearer(signing.token("admin", sub="admin-of-flags"))
    answer = await put(client, admin, {"value": True, "percent": 5})
    wrote = {HEADER: answer.headers[HEADER]}  # the cookie goes over TLS alone
    found = await client.get("/api/admin/audit", headers=admin | wrote, params={"actor": "admin-of-flags"})
    event = found.json()["events"][0]
    assert (event["action"], event["target"]) == ("flag.set", "keys.issue")
    assert event["details"]["percent"] == 5


async def test_flags_are_listed_with_their_rule(client: httpx.AsyncClient, signing: Issuer) -> None:
    admin = bearer(signing.token("admin"))
    await put(client, admin, {"value": False, "percent": 12.5})
    listed = {
        flag["name"]: flag for flag in (await client.get("/api/admin/flags", headers=admin)).json()["flags"]
    }
    assert listed["keys.issue"]["rule"]["percent"] == 12.5
    assert (listed["users.self-service"]["default"], listed["users.self-service"]["rule"]) == (True, None)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (PATH, {}, 422),
        (PATH, {"value": "yes"}, 422),
        (PATH, {"value": 1}, 422),
        (PATH, {"value": None}, 422),
        (PATH, {"value": True, "percent": 101}, 422),
        (PATH, {"value": True, "roles": ["root"]}, 422),
        (PATH, {"value": True, "regions": ["Frankfurt"]}, 422),
        (PATH, {"value": True, "until": "tomorrow"}, 422),
        ("/api/admin/flags/unknown", {"value": True}, 404),
    ],
)
async def test_what_is_no_rule_is_refused(
    client: httpx.AsyncClient, signing: Issuer, path: str, body: object, status: int
) -> None:
    answer = await client.put(path, headers=bearer(signing.token("admin")), json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_nobody_but_an_admin_sees_or_sets_flags(client: httpx.AsyncClient, signing: Issuer) -> None:
    trader = bearer(signing.token("trader"))
    assert (await client.get("/api/admin/flags", headers=trader)).status_code == 403
    assert (await client.put(PATH, headers=trader, json={"value": False})).status_code == 403
