"""Rows of ticks from source to online feature: ``python -m tests.bench.ticks [--seconds N] [--broker NAME]``.

There is no rival: what others do between a vendor and a cache differs too much to be put beside it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from stacks.yaml_file import ROOT
from tests.bench import synth
from tests.bench.measure import BenchError, Summary
from tests.bench.probe import probed
from tests.bench.report import Row, write

KAFKA = ROOT / "ops" / "kafka"
PROBE = ROOT / "tests" / "services" / "stream" / "tick_bench.py"
#: Seconds.
TIMEOUT = 1800
#: Milliseconds within which 99 of 100 ticks can be read at the sustained rate, and at the highest.
MOST_SUSTAINED, MOST_HIGHEST = 50.0, 100.0
RATE = 100_000


def broker() -> str:
    """Apache Kafka, as the platform has; tansu where that cannot be fetched, with a word of why."""
    done = subprocess.run([KAFKA], capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr.strip(), "It is measured with tansu, which is slower.", sep="\n", file=sys.stderr)  # noqa: T201
        return "tansu"
    return "kafka"


def rows_of(found: dict[str, Any]) -> list[Row]:
    """Of the sustained rate, and the highest rate of those that were tried."""
    sustained, steps = found["sustained"], found["steps"]
    within = [step for step in (sustained, *steps) if step["p99_ms"] < MOST_HIGHEST and not step["lost"]]

    def row(name: str, unit: str, value: float, **bounds: Any) -> Row:
        return Row(
            name=f"ticks: {name}",
            unit=unit,
            ours=Summary.of([value]),
            rival=None,
            theirs=None,
            ratio=None,
            target=None,
            rounds=1,
            **bounds,
        )

    said = f"{sustained['rate']:,} a second for {sustained['seconds']} s through {sustained['broker']}"
    return [
        row(f"half can be read within, {said}", "ms", sustained["p50_ms"], details=sustained),
        row(f"99 % can be read within, {said}", "ms", sustained["p99_ms"], most=MOST_SUSTAINED),
        row(f"99.9 % can be read within, {said}", "ms", sustained["p999_ms"]),
        row(
            f"lost, or with a wrong vector, of {sustained['ticks']:,}",
            "ticks",
            sustained["lost"] + sustained["missing"] + sustained["wrong_vectors"],
            most=0,
        ),
        row(
            f"highest rate with 99 % within {MOST_HIGHEST:g} ms, none lost",
            "1/s",
            max((step["rate"] for step in within), default=0),
            details={"steps": steps},
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ticks", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of the sustained rate")
    parser.add_argument("--broker", choices=("kafka", "tansu"), help="kafka where it can be fetched")
    arguments = parser.parse_args()
    if arguments.seconds < 1:
        parser.error("--seconds must be 1 or more")
    try:
        asked = ["--rate", str(RATE), "--seconds", str(arguments.seconds), "--highest"]
        asked += ["--broker", arguments.broker or broker()]
        found = probed(PROBE, *asked, timeout=TIMEOUT)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    folder = Path(ROOT / "bench")
    folder.mkdir(exist_ok=True)
    print(write(folder / "ticks", rows_of(found), synth.machine()))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
