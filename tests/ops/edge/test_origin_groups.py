"""Failover between origins, and the origins that functions make up at run time."""

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from ops.local.edge.functions import FunctionError, FunctionRuntime
from tests.ops.edge.conftest import Page
from tests.ops.edge.edge_site import Site
from tests.ops.edge.test_runtime import IMPORT, run

MEMBERS = "originIds: [{originId: 'a'}, {originId: 'b'}]"
CRITERIA = "failoverCriteria: {statusCodes: [500, 503]}"


@pytest.fixture
async def viewer(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    async with site.session() as session:
        yield session


@pytest.fixture
async def runtime() -> AsyncIterator[FunctionRuntime]:
    process = FunctionRuntime()
    yield process
    await process.stop()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_group_fails_over_when_the_primary_cannot_be_reached(
    site: Site, viewer: aiohttp.ClientSession, method: str
) -> None:
    site.upstreams.pages[f"/pair/{method}"] = Page()
    async with viewer.request(method, f"/pair/{method}") as answer:
        assert answer.status == 200
        assert answer.headers["x-served-by"] == "two"


async def test_a_post_to_a_group_is_never_sent_twice(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/pair/post"] = Page()
    async with viewer.post("/pair/post", data=b"x") as answer:
        assert answer.status == 502
    assert not site.upstreams.asked("/pair/post")


async def test_a_function_makes_a_group_for_one_request(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/runtime/x"] = Page()
    async with viewer.get("/runtime/x") as answer:
        assert answer.headers["x-served-by"] == "two"
    assert site.upstreams.asked("/runtime/x")[-1].headers["host"] == "second.test"


async def test_a_post_to_a_group_of_a_function_is_never_sent_twice(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    site.upstreams.pages["/runtime/group"] = Page()
    async with viewer.post("/runtime/group", data=b"x") as answer:
        assert answer.status == 502
    assert not site.upstreams.asked("/runtime/group")


async def test_a_write_goes_to_the_origin_that_a_function_names(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    site.upstreams.pages["/runtime/write"] = Page(status=503)
    async with viewer.post("/runtime/write", data=b"x") as answer:
        assert (answer.status, answer.headers["x-served-by"]) == (503, "two")
    assert len(site.upstreams.asked("/runtime/write")) == 1


async def test_an_https_origin_is_refused_in_words(viewer: aiohttp.ClientSession) -> None:
    async with viewer.get("/secure/x") as answer:
        assert answer.status == 502
        assert "local load balancers speak HTTP" in await answer.text()


async def test_a_group_of_a_function_has_the_documented_shape(runtime: FunctionRuntime) -> None:
    argument = f"{{{MEMBERS}, {CRITERIA}, selectionCriteria: 'default'}}"
    call = f"cf.createRequestOriginGroup({argument}); return event.request;"
    chosen = (await run(runtime, call, before=IMPORT)).origin
    assert chosen == {"group": [{"id": "a"}, {"id": "b"}], "codes": [500, 503]}


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        (CRITERIA, "lacks originIds"),
        (MEMBERS, "lacks failoverCriteria"),
        (f"originIds: ['a', 'b'], {CRITERIA}", "originIds.0. is string, not object"),
        (f"originIds: [{{originId: 'a'}}], {CRITERIA}", "originIds has fewer than 2"),
        (
            f"originIds: [{{originId: 'a'}}, {{originId: 'c'}}], {CRITERIA}",
            "the distribution has no origin c",
        ),
        (f"{MEMBERS}, failoverCriteria: {{statusCodes: [501]}}", "is 501, not one of 400"),
        (f"{MEMBERS}, {CRITERIA}, origins: []", "has no field origins"),
    ],
)
async def test_a_wrong_group_fails_the_function(runtime: FunctionRuntime, argument: str, reason: str) -> None:
    with pytest.raises(FunctionError, match=reason):
        await run(runtime, f"cf.createRequestOriginGroup({{{argument}}}); return {{}};", before=IMPORT)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"domain": "x.test"}, "has no field domain"),
        ({"domainName": "10.0.0.1"}, "is an address or has a port"),
        ({"domainName": "x.test:80"}, "is an address or has a port"),
        ({"connectionAttempts": 4}, "connectionAttempts is more than 3"),
        ({"timeouts": {"readTimeout": 0}}, "readTimeout is less than 1"),
        ({"timeouts": {"connectionTimeout": 11}}, "connectionTimeout is more than 10"),
        ({"customOriginConfig": {"port": 80, "protocol": "http"}}, "lacks sslProtocols"),
        ({"originAccessControlConfig": {"signingProtocol": "sigv4"}}, "lacks enabled"),
        ({"customHeaders": {"x": 1}}, "customHeaders.x is number, not string"),
    ],
)
async def test_a_wrong_origin_update_fails_the_function(
    runtime: FunctionRuntime, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(FunctionError, match=reason):
        await run(runtime, f"cf.updateRequestOrigin({json.dumps(changes)}); return {{}};", before=IMPORT)
