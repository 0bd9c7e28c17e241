"""What the edge does to an answer: headers policies, viewer-response functions, buckets, error pages."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.ops.edge.conftest import Page
from tests.ops.edge.edge_site import Site
from tests.ops.edge.site import BUCKET

APP = "https://app.example.test"


@pytest.fixture
async def viewer(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    async with site.session() as session:
        yield session


async def test_a_headers_policy_adds_and_removes(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/answered/a"] = Page()
    async with viewer.get("/answered/a") as answer:
        assert answer.headers["x-custom"] == "1"
        assert answer.headers["strict-transport-security"] == "max-age=60; includeSubDomains"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "x-served-by" not in answer.headers
        assert answer.headers["server-timing"].startswith("cdn-cache-miss, cdn-pop")
        assert "access-control-allow-origin" not in answer.headers


async def test_a_header_that_is_not_to_be_overridden_stays_the_origins(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    site.upstreams.pages["/answered/b"] = Page(headers={"x-custom": "mine", "x-frame-options": "SAMEORIGIN"})
    async with viewer.get("/answered/b") as answer:
        assert answer.headers["x-custom"] == "mine"
        assert answer.headers["x-frame-options"] == "DENY"


async def test_cors_answers_the_origins_that_it_names(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/answered/c"] = Page()
    async with viewer.get("/answered/c", headers={"Origin": APP}) as answer:
        assert answer.headers["access-control-allow-origin"] == APP
        assert "access-control-allow-methods" not in answer.headers
    async with viewer.get("/answered/c", headers={"Origin": "https://evil.test"}) as answer:
        assert "access-control-allow-origin" not in answer.headers


async def test_cors_answers_a_preflight(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/answered/d"] = Page(status=204, body=b"")
    asked = {"Origin": APP, "Access-Control-Request-Method": "PUT"}
    async with viewer.options("/answered/d", headers=asked) as answer:
        assert "PUT" in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-allow-headers"] == "authorization"
        assert answer.headers["access-control-max-age"] == "600"


async def test_a_function_at_viewer_response_changes_headers(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    site.upstreams.pages["/answered/e"] = Page(body=b"body", headers={"Set-Cookie": "a=1; Secure"})
    async with viewer.get("/answered/e") as answer:
        assert answer.headers["x-function"] == "/answered/e"
        assert answer.headers["set-cookie"] == "a=1; Secure"
        assert await answer.read() == b"body"


async def test_a_bucket_is_served_and_cached(viewer: aiohttp.ClientSession) -> None:
    for expected in ("Miss from cloudfront", "Hit from cloudfront"):
        async with viewer.get("/web/index.html") as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
            assert answer.headers["x-cache"] == expected
            assert answer.headers["server"] == "AmazonS3"
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]
            assert await answer.read() == b"<h1>site</h1>"


async def test_a_missing_key_gets_the_error_page_of_a_bucket_that_may_not_be_listed(
    viewer: aiohttp.ClientSession,
) -> None:
    async with viewer.get("/web/nothing-here.html") as answer:
        assert answer.status == 404
        assert answer.headers["x-cache"] == "Error from cloudfront"
        assert await answer.read() == b"<h1>missing</h1>"


async def test_a_bucket_without_access_control_is_refused(site: Site, viewer: aiohttp.ClientSession) -> None:
    async with viewer.get("/private/web/index.html") as answer:
        assert answer.status == 404, "the error page of a 403"
        assert await answer.read() == b"<h1>missing</h1>"
    site.aws.client("s3").head_object(Bucket=BUCKET, Key="web/index.html")
