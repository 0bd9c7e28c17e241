"""The edge process: distribution, function, drain flags, records and load balancers, all real."""

import json
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from tests.aws_calls.recorder import RECORDED
from tests.loopback import SERVERS
from tests.ops.edge.conftest import (
    LocalAws,
    Region,
    Upstreams,
    balancer_process,
    becomes,
    create_region,
    eventually,
    free_port,
    process,
)
from tests.ops.edge.deployment import (
    DOMAIN,
    PLACES,
    PORT,
    deploy_distribution,
    deploy_function,
    deploy_records,
    register,
)


@dataclass
class Edge:
    """A running edge before three regions."""

    url: str
    aws: LocalAws
    store: str
    regions: dict[str, Region]
    child: subprocess.Popen[bytes]
    log: Path

    def drain(self, regions: str) -> None:
        """Write the drain flag, or remove it when empty."""
        data = self.aws.client("cloudfront-keyvaluestore")
        etag = data.describe_key_value_store(KvsARN=self.store)["ETag"]
        if regions:
            data.put_key(KvsARN=self.store, Key="drained", Value=regions, IfMatch=etag)
        else:
            data.delete_key(KvsARN=self.store, Key="drained", IfMatch=etag)


def is_serving(place: Region) -> bool:
    return place.states() == ["healthy"]


@pytest.fixture(scope="module")
def edge(
    local_aws: LocalAws, upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Edge]:
    state = tmp_path_factory.mktemp("state")
    regions = {code: create_region(local_aws, code, f"{SERVERS}.8.{n}", state) for code, n in PLACES.items()}
    for code, place in regions.items():
        upstreams.start(f"{SERVERS}.2.{PLACES[code]}", PORT, code)
        register(local_aws, place, "register_targets")
    function, store = deploy_function(local_aws)
    deploy_records(local_aws, regions)
    deploy_distribution(local_aws, function)
    with ExitStack() as stack:
        for place in regions.values():
            stack.enter_context(balancer_process(local_aws, place))
        for place in regions.values():
            eventually(partial(is_serving, place), f"{place.region} healthy")
        places = {
            p.dns_name: {"region": p.region, "name": p.name, "arn": p.arn, "address": p.address, "port": 8080}
            for p in regions.values()
        }
        (state / "run" / "load-balancers.json").write_text(json.dumps(places))
        port, log = free_port(), state / "edge.log"
        env = {"RICHESREACH_AWS_PORT": str(local_aws.port), "RICHESREACH_STATE_DIR": str(state)}
        arguments = [*RECORDED, "ops.local.edge.cdn", "--port", str(port)]
        child = stack.enter_context(process(arguments, env, log))
        running = Edge(f"http://127.0.0.1:{port}", local_aws, store, regions, child, log)
        ready = ("distributions", "load_balancers", "key_value_stores")
        eventually(lambda: all(f'"{event}"' in log.read_text() for event in ready), "the edge is configured")
        yield running


@pytest.fixture
async def session(edge: Edge) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(edge.url) as client:
        yield client


async def region_of(session: aiohttp.ClientSession, place: str, path: str = "/ok") -> str:
    """The region whose target served a viewer at `place`; empty for an error."""
    async with session.get(path, headers={"X-Viewer-Location": place}) as answer:
        return answer.headers.get("x-served-by", "")


@pytest.mark.parametrize(
    ("place", "region"),
    [("Frankfurt", "eu-west-1"), ("SIN", "ap-southeast-1"), ("New York", "us-east-1"), ("", "us-east-1")],
)
async def test_the_viewer_location_chooses_the_region(
    session: aiohttp.ClientSession, place: str, region: str
) -> None:
    async with session.get("/ok", headers={"X-Viewer-Location": place}) as answer:
        assert answer.headers["x-served-by"] == region
        assert answer.headers["x-local-origin"] == region
        assert answer.headers["x-cache"] == "Miss from cloudfront"
        assert answer.headers["via"].endswith("(CloudFront)")
        assert answer.headers["x-amz-cf-pop"]
        assert answer.headers["x-amz-cf-id"]


async def test_an_unknown_location_is_a_problem_that_lists_the_known(session: aiohttp.ClientSession) -> None:
    async with session.get("/ok", headers={"X-Viewer-Location": "Atlantis"}) as answer:
        assert answer.status == 400
        assert answer.content_type == "application/problem+json"
        assert "Frankfurt (FRA)" in (await answer.json(content_type=None))["detail"]


async def test_the_origin_gets_what_policies_let_through(edge: Edge, session: aiohttp.ClientSession) -> None:
    sent = {
        "X-Viewer-Location": "Frankfurt",
        "Authorization": "Bearer t",
        "Cookie": "a=1; b=2",
        "CloudFront-Viewer-City": "Forged",
        "Host": "app.example.test",
    }
    async with session.get("/echo//path?b=2&a=1&b=3", headers=sent) as answer:
        seen = await answer.json()
    headers = {name.lower(): value for name, value in seen["headers"].items()}
    assert seen["path"] == "/echo/path?a=1&b=2&b=3"
    assert headers["host"] == f"origin-eu-west-1.{DOMAIN}"
    assert headers["x-forwarded-host"] == "app.example.test"
    assert headers["authorization"] == "Bearer t"
    assert headers["cookie"] == "a=1; b=2"
    assert headers["cloudfront-viewer-latitude"] == "50.11000"
    assert headers["x-from"] == "edge"
    assert headers["x-amz-cf-id"]
    assert headers["x-request-id"]
    assert headers["x-forwarded-for"].startswith("127.0.0.1")
    assert not {"cloudfront-viewer-city", "x-viewer-location"} & set(headers)


async def test_a_drain_flag_moves_traffic_and_back(edge: Edge, session: aiohttp.ClientSession) -> None:
    edge.drain("eu-west-1")
    await becomes(lambda: region_of(session, "Frankfurt"), "us-east-1")
    assert await region_of(session, "SIN") == "ap-southeast-1"
    edge.drain("")
    await becomes(lambda: region_of(session, "Frankfurt"), "eu-west-1")


async def test_a_region_without_a_healthy_target_is_left_until_it_is_back(
    edge: Edge, session: aiohttp.ClientSession
) -> None:
    place = edge.regions["ap-southeast-1"]
    register(edge.aws, place, "deregister_targets")
    await becomes(lambda: region_of(session, "SIN"), "eu-west-1")
    register(edge.aws, place, "register_targets")
    await becomes(lambda: region_of(session, "SIN"), "ap-southeast-1")


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/INTERNAL/x", "/%6detrics"])
async def test_internal_endpoints_never_reach_an_origin(
    session: aiohttp.ClientSession, upstreams: Upstreams, path: str
) -> None:
    upstreams.seen.clear()
    async with session.get(path) as answer:
        assert answer.status == 404
        assert answer.content_type == "application/problem+json"
        assert answer.headers["x-cache"] == "FunctionGeneratedResponse from cloudfront"
    assert [seen for seen in upstreams.seen if seen not in {"/ok", "/health"}] == []


async def test_a_method_that_the_behaviour_lacks_is_forbidden(session: aiohttp.ClientSession) -> None:
    async with session.post("/read-only/x") as answer:
        assert answer.status == 403
        assert "POST is not allowed for /read-only/*" in await answer.text()


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/lost/x", 502, f"origin nowhere (nowhere.{DOMAIN}): no Route 53 record"),
        (
            "GET",
            "/shut/x",
            502,
            f"origin shut (origin-eu-west-1.{DOMAIN}): connection refused on {SERVERS}.8.2:9",
        ),
        # A read would be asked of the next region too.
        (
            "POST",
            "/slow?5",
            504,
            f"origin latency (origin.{DOMAIN}): no response from {SERVERS}.8.1:8080 within 2 s",
        ),
    ],
)
async def test_a_failing_origin_is_named_with_the_reason(
    session: aiohttp.ClientSession, method: str, path: str, status: int, reason: str
) -> None:
    async with session.request(method, path) as answer:
        assert answer.status == status
        assert answer.headers["x-cache"] == "Error from cloudfront"
        assert answer.content_type == "text/html"
        assert reason in await answer.text()


async def test_a_websocket_passes_edge_and_load_balancer(session: aiohttp.ClientSession) -> None:
    async with session.ws_connect("/ws", protocols=["graphql-transport-ws"]) as socket:
        assert socket.protocol == "graphql-transport-ws"
        await socket.send_str("hello")
        assert await socket.receive_str() == "echo hello"
        await socket.send_bytes(b"abc" * 100_000)
        assert await socket.receive_bytes() == b"cba" * 100_000
        await socket.send_str("bye")
        assert (await socket.receive()).data == 4001


async def test_big_bodies_stream_both_ways(session: aiohttp.ClientSession) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"y" * 256 * 1024

    async with session.put("/length", data=body()) as answer:
        assert await answer.json() == {"size": 16 * 1024 * 1024}
    async with session.get("/big") as answer:
        assert len(await answer.read()) == 16 * 1024 * 1024


async def test_a_target_that_breaks_off_before_answering_is_a_502(session: aiohttp.ClientSession) -> None:
    async with session.post("/broken") as answer:
        assert answer.status == 502


async def test_a_body_that_breaks_off_is_not_taken_for_whole(session: aiohttp.ClientSession) -> None:
    async with session.get("/cut") as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


def test_a_taken_port_is_named_with_the_mend(edge: Edge, tmp_path: Path) -> None:
    arguments = [*RECORDED, "ops.local.edge.cdn", "--port", edge.url.rsplit(":", 1)[1]]
    with process(arguments, {"RICHESREACH_AWS_PORT": str(edge.aws.port)}, tmp_path / "log") as second:
        assert second.wait(60) == 1
    assert "set RICHESREACH_EDGE_PORT to a free port" in (tmp_path / "log").read_text()


def test_sigterm_ends_the_edge(edge: Edge) -> None:
    edge.child.send_signal(signal.SIGTERM)
    assert edge.child.wait(30) == 0
    assert "Traceback" not in edge.log.read_text()
