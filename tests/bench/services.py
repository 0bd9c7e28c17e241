"""Rows of the services' core beside rivals, as ``tests/services/core_probes.py`` times them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from stacks.yaml_file import ROOT
from tests.bench.measure import Ratio, Summary
from tests.bench.probe import probed
from tests.bench.report import Row

PROBES = ROOT / "tests" / "services" / "core_probes.py"
GRAPHQL = ROOT / "tests" / "services" / "graphql_probe.py"
DECIDE = ROOT / "tests" / "services" / "ai_router" / "decide_probe.py"

#: Seconds.
TIMEOUT = 300


@dataclass(frozen=True)
class Probe:
    """What a row says of itself, and how many times the rival's time is still good."""

    name: str
    operation: str
    target: float | None


PROBES_OF_THE_CORE = (
    Probe("cache-local", "cache: a value that the process has", 1.0),
    Probe("cache-shared", "cache: a value that the server has", 1.5),
    Probe("limit-check", "one decision of a limit, in the process", 1.0),
    Probe("cache-glide", "cache: a value that the server has, 16 callers at a time", 1.5),
    Probe("middleware", "a request over HTTP, with limits and a log line", 1.5),
    Probe("middleware-unlimited", "the same without limits", 1.5),
    Probe("middleware-processor", "the same with limits, processor time of the server alone", None),
)


def hits(rounds: int, say: Callable[[str], None]) -> Row:
    """How many reads find their value, in percent. Raises BenchError."""
    found = Summary.of(probed(PROBES, "cache-hits", str(rounds), timeout=TIMEOUT)["ours"])
    say(f"  {found.median:.1f} %")
    return Row(
        name="cache: reads that find their value, Zipf(1.1) over 10,000 symbols",
        unit="%",
        ours=found,
        rival=None,
        theirs=None,
        ratio=None,
        target=None,
        rounds=rounds,
    )


def measure(probe: Probe, rounds: int, say: Callable[[str], None]) -> Row:
    """The row of one probe. Raises BenchError."""
    found = probed(PROBES, probe.name, str(rounds), timeout=TIMEOUT)
    ours, theirs = found["ours"], found["theirs"]
    row = Row(
        name=probe.operation,
        unit="µs",
        ours=Summary.of(ours),
        rival=found["rival"],
        theirs=Summary.of(theirs),
        ratio=Ratio.of(ours, theirs),
        target=probe.target,
        rounds=rounds,
    )
    say(f"  {row.ours.median:.1f} µs, {row.rival} {Summary.of(theirs).median:.1f} µs: {row.verdict}")
    return row


def graphql_cached(rounds: int, say: Callable[[str], None]) -> Row:
    """How long the slowest hundredth of cached queries takes, at 1,000 a second. Raises BenchError."""
    found = probed(GRAPHQL, str(rounds), timeout=TIMEOUT)
    ours, processor = Summary.of(found["ours"]), Summary.of(found["processor"])
    say(f"  {ours.median:.1f} ms, {processor.median:.0f} µs of the gateway's processor a request")
    return Row(
        name="GraphQL: a cached query at 1,000 a second, 99th percentile",
        unit="ms",
        ours=ours,
        rival=None,
        theirs=None,
        ratio=None,
        target=None,
        most=10.0,
        rounds=rounds,
        details={"processor_us": found["processor"], "median_ms": found["middle"]},
    )


def ai_decision(rounds: int, say: Callable[[str], None]) -> Row:
    """How long the AI router takes to rank thirty models. Raises BenchError."""
    found = probed(DECIDE, str(rounds), timeout=TIMEOUT)
    ours, asking = Summary.of(found["ours"]), Summary.of(found["asking"])
    say(f"  {ours.median:.1f} µs, {asking.median:.1f} µs to count the prompt and read what is wanted")
    return Row(
        name="AI router: a decision among 30 models, processor time",
        unit="µs",
        ours=ours,
        rival=None,
        theirs=None,
        ratio=None,
        target=None,
        most=50.0,
        rounds=rounds,
        details={"asking_us": found["asking"]},
    )


ROWS: dict[str, tuple[Callable[[int, Callable[[str], None]], Row], int]] = {
    **{probe.name: (functools.partial(measure, probe), 15) for probe in PROBES_OF_THE_CORE},
    "cache-hits": (hits, 3),
    "graphql-cached": (graphql_cached, 5),
    "ai-decision": (ai_decision, 15),
}
