"""Health: probes, thresholds, targets and Route 53 checks, against real servers."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from ops.local.edge.balancer_config import HealthCheck, Target, TargetGroup
from ops.local.edge.forward import new_session
from ops.local.edge.health_checker import HealthChecker
from ops.local.edge.probe import InvalidMatcherError, Matcher, Probe, Thresholds
from ops.local.edge.route53_config import HealthCheckConfig
from ops.local.edge.targets import Monitor, NoTargetError, Targets
from tests.loopback import SERVERS
from tests.ops.edge.conftest import Upstreams, until

ADDRESS, PORT = f"{SERVERS}.3.1", 8000
CHECK = HealthCheck("http", "traffic-port", "/ok", 0.05, 1.0, 3, 2, Matcher("200"))


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with new_session() as client:
        yield client


@pytest.fixture
def server(upstreams: Upstreams) -> Upstreams:
    upstreams.start(ADDRESS, PORT, "server")
    return upstreams


def group(check: HealthCheck = CHECK) -> TargetGroup:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/api/1"
    return TargetGroup(arn, "api", "http", check, (Target(ADDRESS, PORT),), 5.0)


@pytest.mark.parametrize(
    ("text", "accepted", "refused"),
    [("200", {200}, {201, 404}), ("200,302", {200, 302}, {301}), ("200-299, 404", {204, 404}, {300})],
)
def test_a_matcher_reads_codes_and_ranges(text: str, accepted: set[int], refused: set[int]) -> None:
    assert all(Matcher(text).accepts(code) for code in accepted)
    assert not any(Matcher(text).accepts(code) for code in refused)


def test_a_matcher_that_is_none_says_so() -> None:
    with pytest.raises(InvalidMatcherError, match="'ok' is not a list of codes"):
        Matcher("ok").accepts(200)


def test_thresholds_need_consecutive_probes() -> None:
    state = Thresholds(healthy=2, unhealthy=3, well=True)
    assert [state.note(well) for well in (False, False, True, False, False, False)] == [True] * 5 + [False]
    assert [state.note(well) for well in (True, False, True, True)] == [False, False, False, True]


def test_a_target_is_healthy_after_one_good_probe_and_unhealthy_after_its_threshold() -> None:
    monitor = Monitor(group(), Target(ADDRESS, PORT))
    states = []
    for failure in ("refused", "", "slow", "slow", "", "", ""):
        monitor.note(failure)
        states.append(monitor.state)
    assert states == ["initial", "healthy", "healthy", "unhealthy", "unhealthy", "unhealthy", "healthy"]


def test_a_new_target_is_probed_often_until_it_was_healthy_once() -> None:
    slow = HealthCheck("http", "traffic-port", "/", 30, 5, 3, 2, Matcher("200"))
    monitor = Monitor(group(slow), Target(ADDRESS, PORT))
    assert monitor.spacing <= 1
    monitor.note("")
    assert monitor.spacing == 30


@pytest.mark.parametrize(
    ("path", "port", "limit", "reason"),
    [
        ("/ok", PORT, 1, ""),
        ("/wrong", PORT, 1, "GET /wrong answered 404, expected 200"),
        ("/slow?1", PORT, 0.1, f"GET /slow?1 on {ADDRESS}:{PORT} gave no answer within 0.1 s"),
        ("/ok", 9999, 1, f"connection refused on {ADDRESS}:9999"),
    ],
)
async def test_a_probe_says_in_words_what_is_wrong(
    server: Upstreams, session: aiohttp.ClientSession, path: str, port: int, limit: float, reason: str
) -> None:
    assert await Probe(ADDRESS, port, path, limit, Matcher("200")).run(session) == reason
    server.stop(ADDRESS, PORT)


async def test_a_probe_never_leaves_the_machine(session: aiohttp.ClientSession) -> None:
    reason = await Probe("192.0.2.1", 80, "/", 1, Matcher("200")).run(session)
    assert "outside 127.0.0.0/8" in reason


async def test_targets_without_a_healthy_one_refuse_with_every_reason(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    targets = Targets(session, tmp_path / "targets.json")
    with pytest.raises(NoTargetError, match="target group api has no registered targets"):
        targets.pick(group().arn)
    targets.apply({group().arn: group()})
    await until(lambda: "refused" in (tmp_path / "targets.json").read_text(), "the target was probed")
    with pytest.raises(NoTargetError, match=rf"{ADDRESS}:{PORT} \w+: connection refused"):
        targets.pick(group().arn)
    targets.stop()


async def test_a_health_check_turns_at_its_threshold_and_back(
    upstreams: Upstreams, session: aiohttp.ClientSession
) -> None:
    checker = HealthChecker(session, lambda host: ADDRESS, lambda: None)
    config = HealthCheckConfig("c", "HTTP", "origin", "", PORT, "/ok", "", 0.05, 2, False, False)
    checker.apply({"c": config})
    assert checker.down == frozenset(), "a check starts healthy"
    await until(lambda: checker.down == {"c"}, "the check turns")
    upstreams.start(ADDRESS, PORT)
    await until(lambda: not checker.down, "the check turns back")
    checker.stop()
    upstreams.stop(ADDRESS, PORT)


async def test_an_inverted_or_disabled_check_does_as_it_says(session: aiohttp.ClientSession) -> None:
    checker = HealthChecker(session, lambda host: ADDRESS, lambda: None)
    config = HealthCheckConfig("c", "HTTP", "origin", "", PORT, "/", "", 9, 1, inverted=True, disabled=True)
    checker.apply({"c": config})
    assert checker.down == {"c"}
    checker.apply({})
    assert checker.down == frozenset()
