"""Lambda@Edge at its four events, with functions that the local AWS runs."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from ops.local.edge import lambda_edge
from ops.local.edge.distribution import EdgeLambda
from ops.local.edge.lambda_headers import LambdaError
from tests.ops.edge.conftest import Page
from tests.ops.edge.edge_site import Site


@pytest.fixture
async def viewer(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    async with site.session() as session:
        yield session


async def event_at(site: Site, viewer: aiohttp.ClientSession, event: str) -> dict[str, Any]:
    """What a function at `event` was shown of a POST with a body."""
    path = f"/shown/{event}/x"
    site.upstreams.pages[path] = Page()
    sent = {"Cookie": "c=1", "Content-Type": "text/plain", "X-Real-IP": "9.9.9.9"}
    async with viewer.post(f"{path}?b=2&a=1", data=b"body", headers=sent) as answer:
        assert answer.status == 200
    seen = site.upstreams.asked(path)[-1]
    assert seen.body == b"body"
    return dict(json.loads(seen.headers["x-event"]))


async def test_a_viewer_request_event_has_the_documented_shape(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    event = await event_at(site, viewer, "viewer")
    assert event["config"]["eventType"] == "viewer-request"
    assert event["config"]["distributionId"] == site.distribution
    assert set(event["config"]) == {"distributionDomainName", "distributionId", "eventType", "requestId"}
    request = event["request"]
    assert {"clientIp", "headers", "method", "querystring", "uri", "body"} == set(request)
    assert (request["method"], request["uri"], request["querystring"]) == (
        "POST",
        "/shown/viewer/x",
        "b=2&a=1",
    )
    assert request["headers"]["cookie"] == [{"key": "Cookie", "value": "c=1"}]
    assert "x-real-ip" not in request["headers"]
    encoded = base64.b64encode(b"body").decode()
    assert request["body"] == {
        "action": "read-only",
        "data": encoded,
        "encoding": "base64",
        "inputTruncated": False,
    }


async def test_an_origin_request_event_tells_the_origin(site: Site, viewer: aiohttp.ClientSession) -> None:
    request = (await event_at(site, viewer, "origin"))["request"]
    assert request["headers"]["host"][0]["value"] == "one.site.example.test"
    assert request["headers"]["user-agent"]
    assert request["origin"]["custom"] == {
        "customHeaders": {},
        "domainName": "one.site.example.test",
        "keepaliveTimeout": 5,
        "path": "",
        "port": 8000,
        "protocol": "http",
        "readTimeout": 2,
        "sslProtocols": ["TLSv1.2"],
    }


@pytest.mark.parametrize("event", ["viewer", "origin"])
async def test_a_function_may_answer_in_place_of_the_origin(
    site: Site, viewer: aiohttp.ClientSession, event: str
) -> None:
    async with viewer.get(f"/refused/{event}/x") as answer:
        assert answer.status == 401
        assert answer.headers["x-cache"] == "LambdaGeneratedResponse from cloudfront"
        assert answer.content_type == "application/problem+json"
        assert json.loads(await answer.read()) == {"title": "no token"}
    assert not site.upstreams.asked(f"/refused/{event}/x")


async def test_a_function_may_choose_another_origin_and_path(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    site.upstreams.pages["/moved"] = Page()
    async with viewer.get("/redirected/x") as answer:
        assert answer.headers["x-served-by"] == "two"
    seen = site.upstreams.asked("/moved")[-1]
    assert seen.path == "/moved?by=lambda"
    assert seen.headers["host"] == "two.site.example.test"


async def test_a_function_may_replace_the_body(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/body/x"] = Page()
    async with viewer.post("/body/x", data=b"quiet") as answer:
        assert answer.status == 200
    assert site.upstreams.asked("/body/x")[-1].body == b"QUIET"


async def test_response_functions_change_status_and_headers_and_the_body_passes(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    site.upstreams.pages["/responses/x"] = Page(body=b"kept", headers={"Cache-Control": "max-age=60"})
    async with viewer.get("/responses/x") as answer:
        assert answer.status == 203
        assert answer.headers["x-seen-status"] == "200"
        assert answer.headers["x-viewer-response"] == "yes"
        assert await answer.read() == b"kept"
    async with viewer.get("/responses/x") as answer:
        assert answer.headers["x-cache"] == "Hit from cloudfront"
        assert answer.headers["x-viewer-response"] == "yes"


@pytest.mark.parametrize(
    ("path", "status", "cache", "reason"),
    [
        ("/read-only/x", 502, "LambdaValidationError", "changed the header via, which is read-only"),
        ("/disallowed/x", 502, "LambdaValidationError", "added the header x-edge-mine"),
        ("/nothing/x", 502, "LambdaValidationError", "returned no request and no response"),
        ("/failing/x", 503, "LambdaExecutionError", "no such luck"),
        ("/slow/x", 503, "LambdaExecutionError", "did not answer within 5 s"),
    ],
)
async def test_a_wrong_function_is_named_with_the_reason(
    viewer: aiohttp.ClientSession, path: str, status: int, cache: str, reason: str
) -> None:
    async with viewer.get(path) as answer:
        assert answer.status == status
        assert answer.headers["x-cache"] == f"{cache} from cloudfront"
        assert reason in await answer.text()


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:lambda:us-east-1:000000000000:function:f",
        "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST",
        "arn:aws:lambda:eu-west-1:000000000000:function:f:1",
    ],
)
async def test_only_a_numbered_version_in_the_home_region_is_run(arn: str) -> None:
    with pytest.raises(LambdaError, match="is not a numbered version in us-east-1") as refused:
        await lambda_edge.run(EdgeLambda(arn), "origin-request", {})
    assert refused.value.status == 502
