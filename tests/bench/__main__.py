"""Measures the rows of docs/benchmarks.md: ``python -m tests.bench [--rounds N] [row ...]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from stacks.yaml_file import ROOT
from tests.bench import services, synth
from tests.bench.measure import BenchError
from tests.bench.report import Row, write

#: Each row with its default number of rounds.
ROWS: dict[str, tuple[Callable[[int, Callable[[str], None]], Row], int]] = {
    "synth-areas": (synth.areas, 11),
    "synth-prod": (synth.prod, 3),
    **services.ROWS,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", metavar="row", help=f"of {', '.join(ROWS)}; all of them where none"
    )
    parser.add_argument("--rounds", type=int, help="measured rounds of each row")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.rows if name not in ROWS]:
        parser.error(f"there is no row {unknown[0]!r}; choose from {', '.join(ROWS)}")
    if arguments.rounds is not None and arguments.rounds < 1:
        parser.error("--rounds must be 1 or more")
    rows, failed = [], False
    for name in arguments.rows or ROWS:
        measure, rounds = ROWS[name]
        say(f"{name}:")
        try:
            rows.append(measure(arguments.rounds or rounds, say))
        except BenchError as error:
            failed = True
            print(f"error: {name}: {error}", file=sys.stderr)  # noqa: T201
    if rows:
        say(write(ROOT / "bench", rows, synth.machine()))
    return 1 if failed else 0


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
