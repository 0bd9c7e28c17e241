"""gRPC between services: ids, deadline, caller, errors, metrics and health as over HTTP."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
import rpc_service
from gateway_task import ServiceProcess, client_of, task_environment
from grpc_health.v1 import health_pb2, health_pb2_grpc
from loopback import accepts, own_address, until
from richesreach.core import logs
from richesreach.core.app import Platform
from richesreach.core.contracts.market.v1 import market_pb2 as market
from richesreach.core.problems import Problem
from richesreach.core.resilience import deadline
from richesreach.core.resilience.breaker import State
from richesreach.core.resilience.errors import (
    CircuitOpenError,
    DeadlineExceededError,
    NeighbourError,
    NeighbourUnavailableError,
)
from richesreach.core.rpc.contract import handler_of
from richesreach.core.rpc.neighbour import RpcNeighbour
from richesreach.core.settings import Settings
from token_issuer import Issuer, issuer

LATEST = "/richesreach.market.v1.Market/LatestPrices"


@pytest.fixture(scope="module")
def signing() -> Iterator[Issuer]:
    with issuer() as started:
        yield started


@pytest.fixture
def log() -> io.StringIO:
    stream = io.StringIO()
    logs.configure(service="prices", region="eu-west-1", level="INFO", stream=stream)
    return stream


@pytest.fixture
async def served(signing: Issuer, log: io.StringIO) -> AsyncIterator[tuple[Platform, str]]:
    host, port = own_address()
    environment = task_environment(None, None) | signing.variables
    settings = Settings.from_environment({**environment, "BIND_ADDRESS": host, "RPC_PORT": str(port)})
    app = rpc_service.create(settings)
    rpc_service.asked.clear()
    async with client_of(app):
        yield app.state.platform, f"{host}:{port}"


def neighbour_at(served: tuple[Platform, str], token: str | None, timeout: float = 5.0) -> RpcNeighbour:
    platform, address = served

    async def credential() -> str | None:
        return f"Bearer {token}" if token else None

    return RpcNeighbour(
        "prices",
        address,
        market,
        metrics=platform.metrics,
        tracing=platform.tracing,
        credential=credential,
        timeout=timeout,
    )


def of_service(signing: Issuer) -> str:
    return signing.token(username=None, client_id="service-client", scope="richesreach/service")


@pytest.fixture
async def prices(served: tuple[Platform, str], signing: Issuer) -> AsyncIterator[RpcNeighbour]:
    opened = neighbour_at(served, of_service(signing))
    yield opened
    await opened.close()


def asking(*symbols: str) -> market.LatestPricesRequest:
    return market.LatestPricesRequest(symbols=symbols)


def line(log: io.StringIO, event: str) -> dict[str, object]:
    return [found for found in map(json.loads, log.getvalue().splitlines()) if found["event"] == event][-1]


async def test_a_batch_is_one_call_and_what_is_unknown_is_told(prices: RpcNeighbour) -> None:
    answer = await prices.call("LatestPrices", asking("AAPL", "NONE", "MSFT"))
    assert [(price.symbol, price.price) for price in answer.prices] == [
        ("AAPL", "189.50"),
        ("MSFT", "402.10"),
    ]
    assert list(answer.unknown_symbols) == ["NONE"]


async def test_a_call_bears_the_ids_of_the_request_and_its_line_has_them(
    prices: RpcNeighbour, log: io.StringIO
) -> None:
    with logs.facts(request_id="r-77"):
        await prices.call("LatestPrices", asking("AAPL"))
    found = line(log, "call")
    assert (found["request_id"], found["method"], found["code"]) == ("r-77", LATEST, "OK")
    assert found["user"] == "service:service-client"
    assert len(str(found["trace_id"])) == 32


async def test_a_handler_knows_the_service_that_asks(prices: RpcNeighbour) -> None:
    answer = await prices.call("LatestPrices", asking("AAPL"))
    assert answer.prices[0].venue == "service:service-client"


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("trader", 403), ("forged", 401)])
async def test_nobody_but_a_service_is_answered(
    served: tuple[Platform, str], signing: Issuer, role: str | None, status: int
) -> None:
    token = {None: None, "trader": signing.token("trader"), "forged": "a.b.c"}[role]
    stranger = neighbour_at(served, token)
    with pytest.raises(Problem) as refused:
        await stranger.call("LatestPrices", asking("AAPL"))
    assert refused.value.status == status
    assert rpc_service.asked == []
    await stranger.close()


async def test_the_caller_s_deadline_is_the_handler_s(prices: RpcNeighbour) -> None:
    with deadline.within(3):
        answer = await prices.call("LatestPrices", asking("LEFT"))
    assert 0 < float(answer.prices[0].price) <= 3


async def test_a_caller_without_time_is_told_so_and_no_circuit_opens(prices: RpcNeighbour) -> None:
    for _ in range(prices.breaker.policy.least):
        with deadline.within(0.02), pytest.raises(DeadlineExceededError):
            await prices.call("LatestPrices", asking("SLOW"), idempotent=False)
    assert prices.breaker.state is State.CLOSED


async def test_a_neighbour_that_is_too_slow_is_the_neighbour_s_fault(
    served: tuple[Platform, str], signing: Issuer
) -> None:
    hasty = neighbour_at(served, of_service(signing), timeout=0.05)
    with pytest.raises(TimeoutError):
        await hasty.call("LatestPrices", asking("SLOW"), idempotent=False)
    await hasty.close()


async def test_a_problem_arrives_as_it_was_raised(prices: RpcNeighbour) -> None:
    with pytest.raises(Problem) as refused:
        await prices.call("LatestPrices", asking("REFUSED"))
    problem = refused.value
    assert (problem.status, problem.kind, problem.detail) == (404, "unknown-symbol", "Nobody knows it.")


async def test_an_error_tells_the_log_its_cause_and_the_caller_nothing(
    prices: RpcNeighbour, log: io.StringIO
) -> None:
    with pytest.raises(NeighbourError) as failed:
        await prices.call("LatestPrices", asking("BROKEN"))
    assert "gears" not in str(failed.value)
    assert "the gears jammed" in str(line(log, "unhandled_error")["exception"])


async def test_calls_are_counted_by_method_and_code(
    served: tuple[Platform, str], prices: RpcNeighbour
) -> None:
    await prices.call("LatestPrices", asking("AAPL"))
    with pytest.raises(Problem):
        await prices.call("LatestPrices", asking("REFUSED"))
    value = served[0].metrics.registry.get_sample_value
    for code in ("OK", "NOT_FOUND"):
        assert value("richesreach_rpc_calls_total", {"method": LATEST, "code": code}) == 1
    assert value("richesreach_rpc_call_duration_seconds_count", {"method": LATEST}) == 2


async def test_a_neighbour_that_is_gone_is_asked_again_and_then_left_alone() -> None:
    settings = Settings.from_environment(task_environment(None, None))
    platform = Platform.from_settings(settings)
    host, port = own_address()
    gone = neighbour_at((platform, f"{host}:{port}"), None)
    for _ in range(10):
        with pytest.raises((NeighbourUnavailableError, CircuitOpenError)):
            await gone.call("LatestPrices", asking("AAPL"))
    assert gone._retries.made > 0
    assert gone.breaker.state is State.OPEN
    await gone.close()


async def test_the_health_service_needs_no_credential(served: tuple[Platform, str]) -> None:
    async with grpc.aio.insecure_channel(served[1]) as channel:
        ask = health_pb2_grpc.HealthStub(channel).Check
        for name in ("", "richesreach.market.v1.Market"):
            answer = await ask(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_an_unknown_method_is_unimplemented(served: tuple[Platform, str]) -> None:
    async with grpc.aio.insecure_channel(served[1]) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await channel.unary_unary("/richesreach.market.v1.Market/Nothing")(b"")
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_contract_is_served_whole_or_not_at_all() -> None:
    with pytest.raises(ValueError, match=r"Market has \['Candles', 'LatestPrices'\], not \['Candles'\]"):
        handler_of(market, {"Candles": rpc_service.candles})


async def test_a_task_that_is_asked_to_stop_finishes_the_call_under_way(signing: Issuer) -> None:
    host, port = own_address()
    environment = task_environment(None, None) | signing.variables | {"LOG_LEVEL": "INFO"}
    environment |= {"DRAIN_SECONDS": "0", "BIND_ADDRESS": host, "RPC_PORT": str(port)}
    process = ServiceProcess("rpc_service", environment)
    try:
        await asyncio.to_thread(until, lambda: accepts(host, port), "the service serves")
        metadata = (("authorization", f"Bearer {of_service(signing)}"),)
        async with grpc.aio.insecure_channel(f"{host}:{port}") as channel:
            ask = channel.unary_unary(
                LATEST, market.LatestPricesRequest.SerializeToString, market.LatestPricesResponse.FromString
            )
            call = asyncio.ensure_future(ask(asking("SLOW", "AAPL"), metadata=metadata))
            await asyncio.to_thread(
                until, lambda: call.done() or '"begun"' in process.output(), "the call is under way"
            )
            assert not call.done(), call
            process.ask_to_stop()
            assert (await call).prices[0].price == "189.50"
        assert await asyncio.to_thread(process.wait) == 0
    finally:
        process.kill()
