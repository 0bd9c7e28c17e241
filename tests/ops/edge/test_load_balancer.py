"""A load balancer process against a real local AWS and real targets."""

import asyncio
import signal
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from tests.loopback import SERVERS
from tests.ops.edge.conftest import (
    LISTENER_PORT,
    LocalAws,
    Region,
    Upstreams,
    balancer_process,
    becomes,
    create_region,
    eventually,
)

REGION = "eu-west-1"
FIRST, SECOND, WRONG = f"{SERVERS}.1.1", f"{SERVERS}.1.2", f"{SERVERS}.1.3"
PORT = 8000
BASE = f"http://{SERVERS}.0.1:{LISTENER_PORT}"


def register(aws: LocalAws, group: str, *ids: str) -> None:
    aws.client("elbv2", REGION).register_targets(
        TargetGroupArn=group, Targets=[{"Id": target, "Port": PORT} for target in ids]
    )


def deregister(aws: LocalAws, group: str, target: str) -> None:
    aws.client("elbv2", REGION).deregister_targets(
        TargetGroupArn=group, Targets=[{"Id": target, "Port": PORT}]
    )


@pytest.fixture(scope="module")
def balancer(
    local_aws: LocalAws, upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Region]:
    upstreams.start(FIRST, PORT, "first")
    upstreams.start(SECOND, PORT, "second")
    place = create_region(local_aws, REGION, f"{SERVERS}.0.1", tmp_path_factory.mktemp("state"))
    register(local_aws, place.group, FIRST, SECOND)
    with balancer_process(local_aws, place):
        eventually(lambda: place.states() == ["healthy", "healthy"], "both targets healthy")
        yield place
    upstreams.stop(FIRST, PORT)
    upstreams.stop(SECOND, PORT)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as client:
        yield client


@pytest.mark.usefixtures("balancer")
async def test_requests_go_round_the_healthy_targets(session: aiohttp.ClientSession) -> None:
    served = [(await session.get(f"{BASE}/x")).headers["x-served-by"] for _ in range(4)]
    assert sorted(served) == ["first", "first", "second", "second"]


@pytest.mark.usefixtures("balancer")
async def test_the_target_learns_of_the_client_connection(session: aiohttp.ClientSession) -> None:
    async with session.get(
        URL(f"{BASE}/x?b=%2F&a", encoded=True), headers={"X-Forwarded-For": "203.0.113.9"}
    ) as answer:
        seen = await answer.json()
    assert seen["path"] == "/x?b=%2F&a"
    assert seen["headers"]["X-Forwarded-For"] == "203.0.113.9, 127.0.0.1"
    assert seen["headers"]["X-Forwarded-Proto"] == "http"
    assert seen["headers"]["X-Forwarded-Port"] == str(LISTENER_PORT)
    assert seen["headers"]["X-Amzn-Trace-Id"].startswith("Root=1-")
    assert seen["headers"]["Host"] == f"{SERVERS}.0.1:{LISTENER_PORT}"


async def test_rules_apply_by_priority(
    balancer: Region, local_aws: LocalAws, session: aiohttp.ClientSession
) -> None:
    elbv2 = local_aws.client("elbv2", REGION)
    for priority, pattern, body in ((20, "/rules/*", "general"), (10, "/rules/special*", "particular")):
        elbv2.create_rule(
            ListenerArn=balancer.listener,
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": [pattern]}}],
            Actions=[
                {
                    "Type": "fixed-response",
                    "FixedResponseConfig": {
                        "StatusCode": "418",
                        "ContentType": "text/plain",
                        "MessageBody": body,
                    },
                }
            ],
        )

    async def body_of(path: str) -> str:
        async with session.get(BASE + path) as answer:
            return await answer.text() if answer.status == 418 else ""

    await becomes(lambda: body_of("/rules/special/1"), "particular")
    assert await body_of("/rules/other") == "general"


async def test_a_redirect_action_redirects(
    balancer: Region, local_aws: LocalAws, session: aiohttp.ClientSession
) -> None:
    local_aws.client("elbv2", REGION).create_rule(
        ListenerArn=balancer.listener,
        Priority=5,
        Conditions=[{"Field": "path-pattern", "Values": ["/old/*"]}],
        Actions=[
            {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", "Path": "/new", "Query": "x=1"}}
        ],
    )

    async def location() -> str:
        async with session.get(f"{BASE}/old/page", allow_redirects=False) as answer:
            return answer.headers.get("Location", "") if answer.status == 301 else ""

    await becomes(location, f"{BASE}/new?x=1")


async def test_an_unhealthy_target_is_named_with_its_reason(
    balancer: Region, local_aws: LocalAws, upstreams: Upstreams, session: aiohttp.ClientSession
) -> None:
    register(local_aws, balancer.group, WRONG)
    refused = eventually(
        lambda: [t for t in balancer.targets() if t["id"] == WRONG and t["state"] == "unhealthy"],
        "the missing target is unhealthy",
    )
    assert refused[0]["reason"] == f"connection refused on {WRONG}:{PORT}"
    upstreams.start(WRONG, PORT, "third")
    eventually(lambda: balancer.states() == ["healthy"] * 3, "the target that came up is healthy")
    deregister(local_aws, balancer.group, WRONG)
    eventually(lambda: balancer.states() == ["healthy"] * 2, "the deregistered target is gone")
    upstreams.stop(WRONG, PORT)


async def test_a_request_under_way_on_a_deregistered_target_finishes(
    balancer: Region, local_aws: LocalAws, session: aiohttp.ClientSession
) -> None:
    async with session.get(f"{BASE}/x") as answer:
        other = FIRST if answer.headers["x-served-by"] == "second" else SECOND
    slow = session.get(f"{BASE}/slow?4")

    async def finish() -> tuple[int, str]:
        async with slow as answer:
            return answer.status, answer.headers["x-served-by"]

    under_way = asyncio.create_task(finish())
    await asyncio.sleep(0.1)
    deregister(local_aws, balancer.group, other)
    await asyncio.to_thread(eventually, lambda: "draining" in balancer.states(), "the target drains")
    served = [(await session.get(f"{BASE}/x")).headers["x-served-by"] for _ in range(3)]
    status, name = await under_way
    assert status == 200
    assert name not in served
    register(local_aws, balancer.group, other)
    await asyncio.to_thread(eventually, lambda: balancer.states() == ["healthy"] * 2, "both are back")


@pytest.mark.usefixtures("balancer")
async def test_a_target_that_breaks_off_is_a_502(session: aiohttp.ClientSession) -> None:
    async with session.post(f"{BASE}/broken") as answer:
        assert answer.status == 502
        assert "closed the connection without a response" in (await answer.json())["detail"]


@pytest.mark.usefixtures("balancer")
async def test_a_websocket_passes(session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(f"{BASE}/ws", protocols=["graphql-transport-ws"]) as socket:
        assert socket.protocol == "graphql-transport-ws"
        await socket.send_str("hello")
        assert await socket.receive_str() == "echo hello"
        await socket.send_bytes(b"abc")
        assert await socket.receive_bytes() == b"cba"
        await socket.send_str("bye")
        assert (await socket.receive()).data == 4001


@pytest.mark.usefixtures("balancer")
async def test_a_refused_websocket_keeps_its_status(session: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await session.ws_connect(f"{BASE}/wrong")
    assert refusal.value.status == 404


def test_a_wrong_health_path_is_said_in_words(
    local_aws: LocalAws, upstreams: Upstreams, tmp_path: Path
) -> None:
    address = f"{SERVERS}.1.9"
    upstreams.start(address, PORT)
    place = create_region(local_aws, REGION, f"{SERVERS}.0.2", tmp_path, check_path="/wrong")
    register(local_aws, place.group, address)
    with balancer_process(local_aws, place):
        eventually(lambda: place.states() == ["unhealthy"], "the target is unhealthy")
        assert place.targets()[0]["reason"] == "GET /wrong answered 404, expected 200-299"
        status, body = get_text(f"http://{SERVERS}.0.2:{LISTENER_PORT}/")
        assert status == 503
        assert "GET /wrong answered 404" in body
        local_aws.client("elbv2", REGION).modify_target_group(
            TargetGroupArn=place.group, HealthCheckPath="/ok"
        )
        eventually(lambda: place.states() == ["healthy"], "the mended check finds it healthy")
    upstreams.stop(address, PORT)


def get_text(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_sigterm_ends_the_process_in_under_three_seconds(local_aws: LocalAws, tmp_path: Path) -> None:
    place = create_region(local_aws, REGION, f"{SERVERS}.0.3", tmp_path)
    with balancer_process(local_aws, place) as child:
        eventually(lambda: "listener_open" in place.log.read_text(), "the listener is open")
        child.send_signal(signal.SIGTERM)
        assert child.wait(3) == 0
