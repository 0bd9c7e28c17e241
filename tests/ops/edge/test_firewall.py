"""The web ACL that CloudFormation made, applied by the edge as far as it can be decided here."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from ops.local.edge.firewall import RateCounter
from ops.local.edge.firewall_config import Sets
from ops.local.edge.firewall_statements import Inspected, Verdict, match, undecidable
from tests.ops.edge.conftest import Page, until
from tests.ops.edge.edge_site import Site
from tests.ops.edge.site_firewall import path_match


@pytest.fixture
async def viewer(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    async with site.session() as session:
        yield session


async def test_an_address_of_a_blocked_set_is_refused_as_cloudfront_refuses(site: Site) -> None:
    async with site.session("127.99.0.7") as session, session.get("/ok") as answer:
        assert answer.status == 404, "the distribution's page for a 403"
        assert answer.headers["x-cache"] == "Error from cloudfront"
    assert '"rule": "site/addresses"' in site.log.read_text()


async def test_a_rate_rule_counts_its_paths_by_address(site: Site) -> None:
    site.upstreams.pages["/limited/x"] = Page(headers={"Cache-Control": "no-store"})
    async with site.session("127.9.0.1") as session:
        statuses = []
        for _ in range(12):
            async with session.get("/Limited/../limited/x") as answer:
                statuses.append(answer.status)
        assert statuses[:10] == [200] * 10
        assert statuses[10:] == [404, 404]
        async with session.get("/unlimited") as answer:
            assert answer.status == 200
    async with site.session("127.9.0.2") as other, other.get("/limited/x") as answer:
        assert answer.status == 200


@pytest.mark.parametrize(("place", "status"), [("New York", 200), ("Frankfurt", 404)])
async def test_a_label_of_one_rule_is_seen_by_the_next(
    site: Site, viewer: aiohttp.ClientSession, place: str, status: int
) -> None:
    site.upstreams.pages["/labelled/x"] = Page()
    async with viewer.get("/labelled/x", headers={"X-Viewer-Location": place}) as answer:
        assert answer.status == status


async def test_what_cannot_be_evaluated_is_counted_and_said(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    async with viewer.get("/ok") as answer:
        assert answer.status == 200
    managed = "ManagedRuleGroupStatement AWS/AWSManagedRulesCommonRuleSet"
    await until(lambda: site.facts()["firewall"]["rules"].get("site/managed"), "the rule is counted")
    assert site.facts()["firewall"]["not_evaluated_locally"] == {"site/managed": managed}
    assert '"event": "waf_not_evaluated_locally"' in site.log.read_text()


def seen(path: str = "/", query: str = "", **headers: str) -> Inspected:
    return Inspected("GET", path, query, CIMultiDict(headers), "127.0.0.1", "DE", Sets())


@pytest.mark.parametrize(
    ("constraint", "path", "holds"),
    [
        ("EXACTLY", "/api", True),
        ("EXACTLY", "/api/x", False),
        ("STARTS_WITH", "/api/x", True),
        ("STARTS_WITH", "/%61PI/x", True),
        ("ENDS_WITH", "/v1/api", True),
        ("CONTAINS", "/v1/api/x", True),
        ("CONTAINS", "/v1/ap/i", False),
    ],
)
def test_a_byte_match_looks_at_the_transformed_path(constraint: str, path: str, holds: bool) -> None:
    verdict = match(path_match("/api", constraint), seen(path))
    assert verdict is (Verdict.YES if holds else Verdict.NO)


def test_what_is_unknown_decides_nothing_that_the_known_parts_do_not() -> None:
    unknown: dict[str, Any] = {"XssMatchStatement": {"FieldToMatch": {"Body": {}}}}
    yes, no = path_match("/"), path_match("/other")
    assert match({"OrStatement": {"Statements": [unknown, yes]}}, seen()) is Verdict.YES
    assert match({"AndStatement": {"Statements": [unknown, no]}}, seen()) is Verdict.NO
    assert match({"AndStatement": {"Statements": [unknown, yes]}}, seen()) is Verdict.UNKNOWN
    assert match({"NotStatement": {"Statement": unknown}}, seen()) is Verdict.UNKNOWN
    assert undecidable({"AndStatement": {"Statements": [yes, unknown]}}) == "XssMatchStatement"


@given(st.integers(1, 50), st.lists(st.floats(0, 30), max_size=200))
def test_a_rate_is_exceeded_exactly_by_more_than_the_limit_in_a_window(limit: int, gaps: list[float]) -> None:
    now = 0.0
    counter = RateCounter(limit, 60.0, lambda: now)
    times: list[float] = []
    for gap in gaps:
        now += gap
        times.append(now)
        assert counter.exceeded("a") == (sum(time >= now - 60.0 for time in times) > limit)
