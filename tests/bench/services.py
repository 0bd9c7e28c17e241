"""Rows of the services' core beside rivals, as ``tests/services/core_probes.py`` times them."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from stacks.yaml_file import ROOT
from tests.bench.measure import BenchError, Ratio, Summary
from tests.bench.report import Row

PYTHON = ROOT / ".venv-services" / "bin" / "python"
PROBES = ROOT / "tests" / "services" / "core_probes.py"

#: Seconds.
TIMEOUT = 300


@dataclass(frozen=True)
class Probe:
    """What a row says of itself, and how many times the rival's time is still good."""

    name: str
    operation: str
    target: float


PROBES_OF_THE_CORE = (
    Probe("cache-local", "cache: a value that the process has", 1.0),
    Probe("cache-shared", "cache: a value that the server has", 1.5),
    Probe("limit-check", "one decision of a limit, in the process", 1.0),
    Probe("middleware", "a request over HTTP, with limits and a log line", 1.5),
)


def measure(probe: Probe, rounds: int, say: Callable[[str], None]) -> Row:
    """The row of one probe.

    Raises:
        BenchError: the probe failed; with the end of what it said.
    """
    done = subprocess.run(
        [PYTHON, PROBES, probe.name, str(rounds)],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
        cwd=ROOT,
    )
    if done.returncode:
        raise BenchError(f"the probe failed:\n{(done.stdout + done.stderr)[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
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


ROWS = {probe.name: (functools.partial(measure, probe), 15) for probe in PROBES_OF_THE_CORE}
