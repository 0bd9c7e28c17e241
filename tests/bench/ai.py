"""Rows of the AI router beside other gateways: ``python -m tests.bench.ai [--rounds N] [rival ...]``.

The rivals are installed by ``tests/bench/gateways/install`` into ``.bench-ai``; what could not be installed
is said, and the others are measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.yaml_file import ROOT
from tests.bench import synth
from tests.bench.measure import BenchError, Ratio, Summary
from tests.bench.probe import probed
from tests.bench.report import Row, write

PROBE = ROOT / "tests" / "services" / "ai_router" / "gateway_probe.py"
INSTALLED = ROOT / ".bench-ai"
#: Seconds: rivals that import for a minute are started twice.
TIMEOUT = 1800
#: Milliseconds that may be added to a request.
MOST_ADDED = 0.5
#: Requests a second of 32 clients.
LEAST_ANSWERED = 4000
#: At most this share of LiteLLM's processor time a request.
SHARE = 0.1


@dataclass(frozen=True)
class Rival:
    """`binary` is there once it is installed; `version` is asked for by a command."""

    name: str
    title: str
    binary: str
    version: tuple[str, ...]


RIVALS = (
    Rival(
        "litellm",
        "LiteLLM proxy",
        "litellm/bin/litellm",
        ("litellm/bin/python", "-c", "from importlib.metadata import version; print(version('litellm'))"),
    ),
    Rival(
        "portkey",
        "Portkey gateway",
        "portkey/node_modules/@portkey-ai/gateway/package.json",
        (),
    ),
    Rival("bifrost", "Bifrost", "bifrost/bifrost-http", ()),
)


def rows_of(title: str, found: dict[str, Any], rounds: int, *, share: float | None) -> list[Row]:
    """Four rows beside one rival."""
    ours, theirs = found["ours"], found.get("theirs")

    def row(
        name: str,
        unit: str,
        kind: str,
        *,
        most: float | None = None,
        least: float | None = None,
        target: float | None = None,
    ) -> Row:
        mine, other = ours[kind], theirs[kind] if theirs else None
        return Row(
            name=f"AI router: {name}",
            unit=unit,
            ours=Summary.of(mine),
            rival=title if theirs else None,
            theirs=Summary.of(other) if other else None,
            ratio=Ratio.of(mine, other) if other and min(other) > 0 else None,
            target=target,
            most=most,
            least=least,
            rounds=rounds,
        )

    return [
        row("added to a request, one client", "ms", "added_ms", most=MOST_ADDED),
        row("answered a second, 32 clients", "1/s", "rps", least=LEAST_ANSWERED),
        row("processor time of a request, 32 clients", "µs", "processor_us", target=share),
        row("memory after that, all processes", "MB", "megabytes"),
    ]


def version_of(rival: Rival) -> str:
    """As its own package says."""
    if rival.version:
        command = [str(INSTALLED / rival.version[0]), *rival.version[1:]]
        told: str = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return told.strip()
    package = INSTALLED / rival.binary
    if package.suffix == ".json":
        return str(json.loads(package.read_text(encoding="utf-8"))["version"])
    return (package.parent / "version").read_text(encoding="utf-8").strip()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ai", description=__doc__)
    names = [rival.name for rival in RIVALS]
    parser.add_argument("rivals", nargs="*", metavar="rival", help=f"of {', '.join(names)}; all where none")
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds beside each rival")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.rivals if name not in names]:
        parser.error(f"there is no rival {unknown[0]!r}; choose from {', '.join(names)}")
    if arguments.rounds < 1:
        parser.error("--rounds must be 1 or more")
    rows: list[Row] = []
    failed = False
    for rival in RIVALS:
        if arguments.rivals and rival.name not in arguments.rivals:
            continue
        if not (INSTALLED / rival.binary).exists():
            print(f"{rival.title} is not installed: it is left out", file=sys.stderr)  # noqa: T201
            continue
        print(f"{rival.title}:", flush=True)  # noqa: T201
        try:
            found = probed(PROBE, rival.name, str(arguments.rounds), timeout=TIMEOUT)
        except BenchError as error:
            failed = True
            print(f"error: {rival.title}: {error}", file=sys.stderr)  # noqa: T201
            continue
        share = SHARE if rival.name == "litellm" else None
        rows += rows_of(f"{rival.title} {version_of(rival)}", found, arguments.rounds, share=share)
    if not rows and not failed:
        rows = rows_of(
            "", probed(PROBE, "none", str(arguments.rounds), timeout=TIMEOUT), arguments.rounds, share=None
        )
    if rows:
        folder = Path(ROOT / "bench")
        folder.mkdir(exist_ok=True)
        print(write(folder / "ai", rows, synth.machine()))  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
