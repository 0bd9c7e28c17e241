"""Properties of the cache key and of lifetimes, for all inputs that hypothesis thinks of."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from ops.local.edge.answer import Answer
from ops.local.edge.cache import OVERHEAD, Cache, CacheKey, Entry
from ops.local.edge.cache_policy import CachePolicy, Lifetime, cache_key, error_lifetime, lifetime
from ops.local.edge.selection import Forwarded, Selection

NOW = datetime(2026, 1, 1, tzinfo=UTC)
names = st.text("abcdef", min_size=1, max_size=3)
pairs = st.lists(st.tuples(names, names), max_size=6)
kinds = st.sampled_from(["none", "some", "all", "all-except"])
selections = st.builds(Selection, kinds, st.frozensets(names, max_size=3))
policies = st.builds(
    lambda key, low, usual, high: CachePolicy(key, low, max(low, usual), max(low, usual, high), True, True),
    st.builds(Forwarded, selections, selections, selections),
    st.integers(0, 100).map(float),
    st.integers(0, 1000).map(float),
    st.integers(0, 1000).map(float),
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Cache-Control": st.lists(
            st.one_of(
                st.sampled_from(["no-store", "no-cache", "private", "public", "must-revalidate"]),
                st.integers(0, 5000).map("max-age={}".format),
                st.integers(0, 5000).map("s-maxage={}".format),
                st.integers(0, 5000).map("stale-while-revalidate={}".format),
            ),
            max_size=4,
        ).map(", ".join),
        "Expires": st.one_of(
            st.just("0"),
            st.integers(-1000, 5000).map(lambda s: format_datetime(NOW + timedelta(seconds=s), usegmt=True)),
        ),
    },
)


def query_of(parts: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in parts)


@given(policies, pairs, pairs, pairs)
def test_a_key_changes_only_with_what_the_policy_admits(
    policy: CachePolicy,
    query: list[tuple[str, str]],
    given_headers: list[tuple[str, str]],
    cookies: list[tuple[str, str]],
) -> None:
    key = policy.key
    whole = cache_key(policy, "/", query_of(query), CIMultiDict(given_headers), cookies)
    kept = cache_key(
        policy,
        "/",
        query_of([part for part in query if key.query.admits(part[0])]),
        CIMultiDict([part for part in given_headers if key.headers.admits(part[0])]),
        [part for part in cookies if key.cookies.admits(part[0])],
    )
    assert whole == kept


@given(policies, pairs, pairs)
def test_different_admitted_values_make_different_keys(
    policy: CachePolicy, one: list[tuple[str, str]], other: list[tuple[str, str]]
) -> None:
    admitted = [[part for part in parts if policy.key.query.admits(part[0])] for parts in (one, other)]
    keys = [cache_key(policy, "/", query_of(parts), CIMultiDict(), ()) for parts in (one, other)]
    assert (keys[0] == keys[1]) == (admitted[0] == admitted[1])


@given(policies, headers)
def test_a_lifetime_lies_between_the_policys_limits(policy: CachePolicy, sent: dict[str, str]) -> None:
    found = lifetime(policy, sent, NOW)
    assert policy.min_ttl <= found.fresh <= max(policy.min_ttl, policy.max_ttl)
    assert found.while_revalidating >= 0
    assert found.fresh + found.while_revalidating <= max(policy.min_ttl, policy.max_ttl)


@given(policies, headers, st.sampled_from([400, 401, 403, 404, 410, 416, 429, 500, 503]), st.integers(0, 99))
def test_an_error_is_kept_at_least_for_its_minimum_or_not_at_all(
    policy: CachePolicy, sent: dict[str, str], status: int, minimum: int
) -> None:
    seconds = error_lifetime(policy, status, sent, minimum, NOW)
    assert seconds == 0 or seconds >= minimum
    assert seconds <= max(minimum, policy.max_ttl)


POLICY = CachePolicy(min_ttl=10, default_ttl=50, max_ttl=100)


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ({}, 50),
        ({"Cache-Control": "max-age=60"}, 60),
        ({"Cache-Control": "max-age=5"}, 10),
        ({"Cache-Control": "max-age=500"}, 100),
        ({"Cache-Control": "max-age=60, s-maxage=70"}, 70),
        ({"Cache-Control": "no-cache"}, 10),
        ({"Cache-Control": "private, max-age=60"}, 10),
        ({"Expires": format_datetime(NOW + timedelta(seconds=30), usegmt=True)}, 30),
        ({"Expires": "0"}, 10),
        ({"Expires": "0", "Cache-Control": "max-age=60"}, 60),
    ],
)
def test_a_lifetime_is_what_the_guides_table_says(sent: dict[str, str], seconds: float) -> None:
    assert lifetime(POLICY, sent, NOW).fresh == seconds


@pytest.mark.parametrize(
    ("status", "sent", "seconds"),
    [
        (404, {}, 10),
        (404, {"Cache-Control": "no-store"}, 0),
        (500, {"Cache-Control": "no-store"}, 10),
        (503, {"Cache-Control": "max-age=60"}, 60),
        (403, {}, 0),
        (403, {"Cache-Control": "max-age=1"}, 10),
        (416, {"Cache-Control": "max-age=60"}, 0),
        (429, {}, 0),
    ],
)
def test_errors_are_kept_as_the_guide_says(status: int, sent: dict[str, str], seconds: float) -> None:
    assert error_lifetime(POLICY, status, sent, 10, NOW) == seconds


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("br, gzip", "br,gzip"), ("GZIP;q=0.5", "gzip"), ("gzip;q=0, br", "br"), ("deflate", ""), ("", "")],
)
def test_accept_encoding_is_normalised(accepted: str, encoding: str) -> None:
    assert CachePolicy(gzip=True, brotli=True).encoding(accepted) == encoding


def entry(body: bytes, path: str = "/") -> Entry:
    return Entry(path, 200, None, CIMultiDict(), body, "", Lifetime(60), NOW)


def key(name: str) -> CacheKey:
    return CacheKey("d", "FRA", "GET", (name,))


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 3000)), max_size=60))
def test_the_cache_never_holds_more_than_its_capacity_and_keeps_the_newest(
    puts: list[tuple[str, int]],
) -> None:
    cache = Cache(capacity=8000, clock=lambda: NOW)
    for name, size in puts:
        cache.put(key(name), entry(b"x" * size))
        assert cache.bytes <= 8000
        assert cache.get(key(name)) is not None
    sizes = [found.size for name in list(cache) if (found := cache.get(name))]
    assert cache.bytes == sum(sizes)
    assert all(size >= OVERHEAD for size in sizes)


@pytest.mark.parametrize(
    ("pattern", "gone"),
    [
        ("/a/b", {"/a/b", "/a/b?q=1"}),
        ("/a/b?q=1", {"/a/b?q=1"}),
        ("/a/*", {"/a/b", "/a/b?q=1", "/a/c"}),
        ("a/c", {"/a/c"}),
        ("/*", {"/a/b", "/a/b?q=1", "/a/c", "/d"}),
        ("/a", set()),
    ],
)
def test_an_invalidation_forgets_what_it_names(pattern: str, gone: set[str]) -> None:
    cache = Cache(clock=lambda: NOW)
    paths = {"/a/b", "/a/b?q=1", "/a/c", "/d"}
    for path in paths:
        cache.put(key(path), entry(b"", path))
    cache.invalidate("d", pattern)
    assert {path for path in paths if cache.get(key(path)) is None} == gone


def test_an_answer_of_the_cache_is_not_the_stored_one() -> None:
    stored = entry(b"body")
    answer: Answer = stored.answer(NOW, "Hit from cloudfront")
    answer.headers["x-changed"] = "1"
    assert "x-changed" not in stored.headers
