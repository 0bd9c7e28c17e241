"""Caching at the edge: what is a hit, for how long, for whom, and what happens when the origin fails."""

import asyncio
import gzip
import itertools
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.ops.edge.conftest import Page, until
from tests.ops.edge.edge_site import Site

HIT, MISS, ERROR = "Hit from cloudfront", "Miss from cloudfront", "Error from cloudfront"
NUMBERS = itertools.count()
KEPT = {"Cache-Control": "max-age=60"}


@pytest.fixture
async def viewer(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    async with site.session() as session:
        yield session


async def outcome(viewer: aiohttp.ClientSession, path: str, **headers: str) -> str:
    """The x-cache of one request."""
    async with viewer.get(path, headers=headers) as answer:
        await answer.read()
        return answer.headers["x-cache"]


async def test_a_second_request_is_a_hit_with_its_age(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/hit"] = Page(headers=KEPT, body=b"once")
    assert await outcome(viewer, "/hit") == MISS
    async with viewer.get("/hit") as answer:
        assert answer.headers["x-cache"] == HIT
        assert int(answer.headers["age"]) <= 5
        assert await answer.read() == b"once"
    assert len(site.upstreams.asked("/hit")) == 1


async def test_a_hit_answers_head_without_asking(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/head"] = Page(headers=KEPT, body=b"12345")
    await outcome(viewer, "/head")
    async with viewer.head("/head") as answer:
        assert answer.headers["x-cache"] == HIT
        assert answer.headers["content-length"] == "5"
    assert len(site.upstreams.asked("/head")) == 1


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("q=1", {}, HIT),
        ("q=1&other=2", {}, HIT),
        ("q=2", {}, MISS),
        ("q=1", {"X-Variant": "b"}, MISS),
        ("q=1", {"X-Other": "b"}, HIT),
        ("q=1", {"Cookie": "c=1"}, MISS),
        ("q=1", {"Cookie": "d=1"}, HIT),
        ("q=1", {"Accept-Encoding": "gzip, br"}, MISS),
        ("q=1", {"X-Viewer-Location": "Singapore"}, MISS),
    ],
)
async def test_only_what_the_policy_names_makes_another_object(
    site: Site, viewer: aiohttp.ClientSession, query: str, headers: dict[str, str], expected: str
) -> None:
    path = f"/key/{next(NUMBERS)}"
    site.upstreams.pages[path] = Page(headers=KEPT)
    plain = {"Accept-Encoding": "identity"}
    await outcome(viewer, f"{path}?q=1", **plain)
    assert await outcome(viewer, f"{path}?{query}", **(plain | headers)) == expected


@pytest.mark.parametrize("directive", ["no-store", "private", "no-cache"])
async def test_what_the_origin_keeps_back_is_not_cached(
    site: Site, viewer: aiohttp.ClientSession, directive: str
) -> None:
    site.upstreams.pages[f"/{directive}"] = Page(headers={"Cache-Control": f"{directive}, max-age=60"})
    assert [await outcome(viewer, f"/{directive}") for _ in range(2)] == [MISS, MISS]


async def test_a_minimum_ttl_keeps_even_what_the_origin_keeps_back(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    site.upstreams.pages["/min/a"] = Page(headers={"Cache-Control": "no-store"})
    assert [await outcome(viewer, "/min/a") for _ in range(2)] == [MISS, HIT]


async def test_a_disabled_policy_never_caches(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/off/a"] = Page(headers=KEPT)
    assert [await outcome(viewer, "/off/a") for _ in range(2)] == [MISS, MISS]


async def test_a_post_is_never_cached(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/post"] = Page(headers=KEPT)
    for _ in range(2):
        async with viewer.post("/post", data=b"x") as answer:
            assert answer.headers["x-cache"] == MISS
    assert [seen.method for seen in site.upstreams.asked("/post")] == ["POST", "POST"]


async def test_an_expired_object_is_revalidated_and_the_body_is_not_sent_again(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    site.upstreams.pages["/tag"] = Page(headers={"Cache-Control": "max-age=1", "ETag": '"1"'}, body=b"tagged")
    await outcome(viewer, "/tag")
    await asyncio.sleep(1.1)
    async with viewer.get("/tag") as answer:
        assert answer.headers["x-cache"] == "RefreshHit from cloudfront"
        assert await answer.read() == b"tagged"
    assert site.upstreams.asked("/tag")[-1].headers["if-none-match"] == '"1"'


async def test_a_viewer_that_has_the_object_gets_a_304(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/mine"] = Page(headers={**KEPT, "ETag": '"7"'})
    await outcome(viewer, "/mine")
    async with viewer.get("/mine", headers={"If-None-Match": '"7"'}) as answer:
        assert answer.status == 304
        assert answer.headers["x-cache"] == HIT


async def test_requests_for_one_object_at_once_reach_the_origin_once(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    site.upstreams.pages["/crowd"] = Page(headers=KEPT, delay=0.5)
    outcomes = await asyncio.gather(*(outcome(viewer, "/crowd") for _ in range(20)))
    assert len(site.upstreams.asked("/crowd")) == 1
    assert sorted(set(outcomes)) == [HIT, MISS]


async def test_a_stale_object_is_served_while_it_is_revalidated(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    headers = {"Cache-Control": "max-age=1, stale-while-revalidate=30"}
    site.upstreams.pages["/swr"] = Page(headers=headers, body=b"old")
    await outcome(viewer, "/swr")
    await asyncio.sleep(1.1)
    site.upstreams.pages["/swr"] = Page(headers=headers, body=b"new")
    async with viewer.get("/swr") as answer:
        assert (answer.headers["x-cache"], await answer.read()) == (HIT, b"old")
    await until(lambda: len(site.upstreams.asked("/swr")) == 2, "the origin was asked")
    await asyncio.sleep(0.1)
    async with viewer.get("/swr") as answer:
        assert (answer.headers["x-cache"], await answer.read()) == (HIT, b"new")


@pytest.mark.parametrize(
    ("limit", "status"), [("", 200), (", stale-if-error=60", 200), (", stale-if-error=0", 503)]
)
async def test_a_stale_object_replaces_an_error_unless_the_origin_forbids_it(
    site: Site, viewer: aiohttp.ClientSession, limit: str, status: int
) -> None:
    path = f"/sie{len(limit)}"
    site.upstreams.pages[path] = Page(headers={"Cache-Control": f"max-age=1{limit}"})
    await outcome(viewer, path)
    await asyncio.sleep(1.1)
    site.upstreams.pages[path] = Page(status=503)
    async with viewer.get(path) as answer:
        assert answer.status == status


async def test_an_error_is_kept_for_its_minimum_ttl(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/gone"] = Page(status=404)
    assert [await outcome(viewer, "/gone") for _ in range(2)] == [ERROR, ERROR]
    assert len(site.upstreams.asked("/gone")) == 1
    await asyncio.sleep(1.1)
    await outcome(viewer, "/gone")
    assert len(site.upstreams.asked("/gone")) == 2


async def test_an_error_with_minimum_ttl_zero_is_not_kept(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/busy"] = Page(status=503)
    for _ in range(2):
        await outcome(viewer, "/busy")
    assert len(site.upstreams.asked("/busy")) == 2


async def test_a_range_of_a_cached_object_comes_from_the_cache(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    site.upstreams.pages["/range"] = Page(headers=KEPT, body=b"0123456789")
    await outcome(viewer, "/range")
    async with viewer.get("/range", headers={"Range": "bytes=2-4"}) as answer:
        assert (answer.status, await answer.read()) == (206, b"234")
        assert answer.headers["content-range"] == "bytes 2-4/10"


async def test_a_range_of_what_is_not_cached_is_asked_of_the_origin(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    site.upstreams.pages["/far"] = Page(headers=KEPT)
    assert await outcome(viewer, "/far", Range="bytes=0-1") == MISS
    assert site.upstreams.asked("/far")[0].headers["range"] == "bytes=0-1"


@pytest.mark.parametrize("path", ["/inv/exact", "/inv/*", "/*"])
async def test_an_invalidation_takes_effect_within_a_second(
    site: Site, viewer: aiohttp.ClientSession, path: str
) -> None:
    site.upstreams.pages["/inv/exact"] = Page(headers=KEPT)
    await outcome(viewer, "/inv/exact")
    assert await outcome(viewer, "/inv/exact") == HIT
    site.invalidate(path)
    await asyncio.sleep(1.0)
    assert await outcome(viewer, "/inv/exact") == MISS


async def test_an_invalidation_of_another_path_leaves_the_object(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    site.upstreams.pages["/stays"] = Page(headers=KEPT)
    await outcome(viewer, "/stays")
    site.invalidate("/other/*")
    await asyncio.sleep(1.0)
    assert await outcome(viewer, "/stays") == HIT


async def test_a_text_is_compressed_for_who_takes_it(site: Site, viewer: aiohttp.ClientSession) -> None:
    body = b"market " * 1000
    headers = {**KEPT, "Content-Type": "application/json", "ETag": '"z"'}
    site.upstreams.pages["/text"] = Page(headers=headers, body=body)
    async with viewer.get("/text", headers={"Accept-Encoding": "gzip, deflate, br"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["etag"] == 'W/"z"'
        packed = await answer.read()
        assert gzip.decompress(packed) == body
        assert len(packed) == int(answer.headers["content-length"]) < 200
    async with viewer.get("/text", headers={"Accept-Encoding": "identity"}) as answer:
        assert "content-encoding" not in answer.headers
        assert await answer.read() == body


@pytest.mark.parametrize(
    ("kind", "size"), [("application/json", 999), ("image/png", 5000), ("application/octet-stream", 5000)]
)
async def test_small_or_packed_things_are_left_alone(
    site: Site, viewer: aiohttp.ClientSession, kind: str, size: int
) -> None:
    path = f"/left/{kind}/{size}"
    site.upstreams.pages[path] = Page(headers={"Content-Type": kind}, body=b"x" * size)
    async with viewer.get(path, headers={"Accept-Encoding": "gzip"}) as answer:
        assert "content-encoding" not in answer.headers


async def test_the_origin_gets_accept_encoding_in_one_spelling(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    site.upstreams.pages["/spelling"] = Page()
    await outcome(viewer, "/spelling", **{"Accept-Encoding": "deflate, GZIP;q=0.5, br;q=0"})
    assert site.upstreams.asked("/spelling")[0].headers["accept-encoding"] == "gzip"


async def test_a_viewer_who_leaves_lets_nobody_wait(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/left-early"] = Page(headers=KEPT, delay=0.3)
    with pytest.raises(TimeoutError):
        await viewer.get("/left-early", timeout=aiohttp.ClientTimeout(total=0.1))
    assert await asyncio.wait_for(outcome(viewer, "/left-early"), 3) in {HIT, MISS}


async def test_the_edge_tells_its_hit_ratio(site: Site, viewer: aiohttp.ClientSession) -> None:
    site.upstreams.pages["/told"] = Page(headers=KEPT)
    for _ in range(2):
        await outcome(viewer, "/told")

    def told() -> bool:
        facts = site.facts()
        return bool(facts["hit_ratio"]) and facts["cache"]["bytes"] > 0

    await until(told, "edge.json has a hit ratio and how much is kept")
    facts = site.facts()
    assert facts["requests"] >= facts["answers"]["Hit"] >= 1
