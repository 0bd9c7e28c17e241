"""The token that services show to each other: fetched once, replaced ahead, kept through an outage, and told
to nobody but the neighbours."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import pytest
import rpc_service
from asking import UNLIMITED
from gateway_task import Environment, client_of, gateway_app, task_environment
from loopback import own_address
from richesreach.core import logs
from richesreach.core.auth.service_token import ServiceToken, ServiceTokenUnavailableError
from richesreach.core.contracts.market.v1 import market_pb2 as market
from richesreach.core.endpoints import Secret, ServiceClient
from richesreach.core.neighbourhood import UnknownNeighbourError
from richesreach.core.neighbours import Neighbour
from richesreach.core.platform import Platform
from richesreach.core.resilience import deadline
from richesreach.core.resilience.breaker import State
from richesreach.core.resilience.errors import DeadlineExceededError
from richesreach.core.settings import Settings, SettingsError
from token_endpoint import CLIENT, LIFE, SECRET, TokenEndpoint, token_endpoint
from user_pool import Pool, user_pool


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def endpoint() -> AsyncIterator[TokenEndpoint]:
    async with token_endpoint() as started:
        yield started


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def token(endpoint: TokenEndpoint, clock: Clock) -> AsyncIterator[ServiceToken]:
    made = ServiceToken(ServiceClient(CLIENT, Secret(SECRET), endpoint.url), endpoint.url, clock=clock)
    yield made
    await made.close()


@pytest.fixture
def log() -> io.StringIO:
    stream = io.StringIO()
    logs.configure(service="asks", region="eu-west-1", level="DEBUG", stream=stream)
    return stream


async def test_a_token_is_asked_for_with_the_client_s_credentials_and_its_scope(
    token: ServiceToken, endpoint: TokenEndpoint
) -> None:
    assert await token() == "Bearer token-1"
    login = f"{quote(CLIENT, safe='')}:{quote(SECRET, safe='')}"
    wanted = {"grant_type": "client_credentials", "scope": "richesreach/service", "login": login}
    assert endpoint.asked == [wanted]


async def test_a_token_is_fetched_once_for_all_who_wait(token: ServiceToken, endpoint: TokenEndpoint) -> None:
    endpoint.open.clear()
    waiting = [asyncio.create_task(token()) for _ in range(20)]
    await endpoint.reached.wait()
    endpoint.open.set()
    assert set(await asyncio.gather(*waiting)) == {"Bearer token-1"}
    assert await token() == "Bearer token-1"
    assert len(endpoint.asked) == 1


async def test_who_leaves_does_not_end_the_fetch_of_the_others(
    token: ServiceToken, endpoint: TokenEndpoint
) -> None:
    endpoint.open.clear()
    hasty, patient = asyncio.create_task(token()), asyncio.create_task(token())
    await endpoint.reached.wait()
    hasty.cancel()
    await asyncio.wait([hasty])
    endpoint.open.set()
    assert await patient == "Bearer token-1"


async def test_an_old_token_serves_while_it_is_replaced(
    token: ServiceToken, endpoint: TokenEndpoint, clock: Clock
) -> None:
    await token()
    endpoint.open.clear()
    clock.now += LIFE * 0.9
    assert await token() == "Bearer token-1"
    endpoint.open.set()
    async with asyncio.timeout(30):
        shown = [await token()]
        while shown[-1] == "Bearer token-1":
            await asyncio.sleep(0.01)
            shown.append(await token())
    assert shown[-1] == "Bearer token-2"


async def test_a_token_serves_on_while_the_pool_is_away(
    token: ServiceToken, endpoint: TokenEndpoint, clock: Clock
) -> None:
    await token()
    endpoint.status = 503
    for seconds in (LIFE * 0.9, 5, 5):
        clock.now += seconds
        assert await token() == "Bearer token-1"
        await asyncio.sleep(0.05)
    assert len(endpoint.asked) > 1


async def test_an_expired_token_is_shown_to_nobody(
    token: ServiceToken, endpoint: TokenEndpoint, clock: Clock
) -> None:
    await token()
    endpoint.status = 400
    clock.now += LIFE
    with pytest.raises(ServiceTokenUnavailableError):
        await token()


async def test_a_pool_that_refuses_is_not_asked_again_at_once(
    token: ServiceToken, endpoint: TokenEndpoint, clock: Clock
) -> None:
    endpoint.status = 400
    for _ in range(10):
        with pytest.raises(ServiceTokenUnavailableError):
            await token()
    assert len(endpoint.asked) == 1
    endpoint.status = 200
    clock.now += 2
    assert await token() == "Bearer token-1"


async def test_nobody_waits_beyond_the_own_deadline(token: ServiceToken, endpoint: TokenEndpoint) -> None:
    endpoint.open.clear()
    with deadline.within(0.05), pytest.raises((ServiceTokenUnavailableError, DeadlineExceededError)):
        await token()


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b'{"access_token": "", "expires_in": 60, "token_type": "Bearer"}',
        b'{"access_token": "hush-1"}',
    ],
)
async def test_what_is_no_token_is_none_and_neither_it_nor_the_secret_is_told(
    token: ServiceToken, endpoint: TokenEndpoint, log: io.StringIO, body: bytes
) -> None:
    endpoint.body = body
    with pytest.raises(ServiceTokenUnavailableError) as failed:
        await token()
    assert "service_token_not_fetched" in log.getvalue()
    for hidden in (SECRET, quote(SECRET, safe=""), "hush"):
        assert hidden not in log.getvalue() + str(failed.value) + repr(token.__dict__)


def test_the_client_comes_whole_or_not_at_all() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({**task_environment(None, None), "SERVICE_CLIENT_ID": "machine"})
    missing = "SERVICE_CLIENT_SECRET and IDENTITY_TOKEN_URL missing beside SERVICE_CLIENT_ID"
    assert caught.value.problems == (f"{missing}: set all, or none",)


def test_neighbours_are_read_by_the_names_of_their_manifests() -> None:
    given = {
        "NEIGHBOUR_MARKET_DATA_HTTP": "http://market-data:8000",
        "NEIGHBOUR_MARKET_DATA_GRPC": "market-data-grpc:9000",
    }
    found = Settings.from_environment({**task_environment(None, None), **given}).neighbours
    assert found["market-data"].url == "http://market-data:8000"
    assert found["market-data"].rpc == "market-data-grpc:9000"


def test_an_address_that_is_none_is_named() -> None:
    given = {"NEIGHBOUR_A_HTTP": "market-data", "NEIGHBOUR_B_GRPC": "b-grpc:9000"}
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({**task_environment(None, None), **given})
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "NEIGHBOUR_A_HTTP",
        "NEIGHBOUR_B_HTTP",
    ]


# ------------------------------------------------------------------ with the local AWS's own user pool


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    with user_pool(tmp_path_factory.mktemp("pool")) as made:
        yield made


@pytest.fixture
def environment(pool: Pool) -> Environment:
    host, port = own_address()
    return {
        **task_environment(None, None),
        **UNLIMITED,
        **pool.variables,
        **pool.service_variables,
        "BIND_ADDRESS": host,
        "RPC_PORT": str(port),
        "NEIGHBOUR_PRICES_HTTP": f"http://{host}:8000",
        "NEIGHBOUR_PRICES_GRPC": f"{host}:{port}",
    }


async def test_a_service_calls_another_with_the_pool_s_token(pool: Pool, environment: Environment) -> None:
    app = rpc_service.create(Settings.from_environment(environment))
    async with client_of(app):
        platform: Platform = app.state.platform
        asked = market.LatestPricesRequest(symbols=["AAPL"])
        answer = await platform.neighbours.rpc("prices", market).call("LatestPrices", asked)
    assert answer.prices[0].venue == f"service:{pool.machine[0]}"


async def test_a_pool_without_a_token_opens_no_neighbour_s_circuit(environment: Environment) -> None:
    app = rpc_service.create(Settings.from_environment({**environment, "SERVICE_CLIENT_SECRET": "wrong"}))
    async with client_of(app):
        prices = app.state.platform.neighbours.rpc("prices", market)
        for _ in range(2 * prices.breaker.policy.least):
            with pytest.raises(ServiceTokenUnavailableError):
                await prices.call("LatestPrices", market.LatestPricesRequest(), idempotent=False)
        assert prices.breaker.state is State.CLOSED


async def test_who_is_not_in_the_manifest_is_not_called(environment: Environment) -> None:
    app = gateway_app(environment)
    async with client_of(app):
        with pytest.raises(UnknownNeighbourError, match="add it to `calls`"):
            app.state.platform.neighbours.http("trading")


@pytest.mark.parametrize(
    ("given", "shown"), [({}, "Bearer token-1"), ({"Authorization": "Bearer user"}, "Bearer user")]
)
async def test_a_neighbour_is_shown_the_service_s_token_or_the_user_s_that_is_handed_on(
    endpoint: TokenEndpoint, token: ServiceToken, given: dict[str, str], shown: str
) -> None:
    platform = Platform.from_settings(Settings.from_environment(task_environment(None, None)))
    metrics, tracing = platform.metrics, platform.tracing
    url = endpoint.url.removesuffix("/oauth2/token")
    echo = Neighbour("echo", url, metrics=metrics, tracing=tracing, credential=token)
    answer = await echo.call("GET", "/echo", headers=given)
    assert answer.json() == {"authorization": shown}
    await echo.close()
