"""Times of whole processes, measured in pairs, and how sure their ratio is."""

from __future__ import annotations

import random
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Resamplings of the pairs, and the seed that makes the interval repeatable for the same times.
RESAMPLINGS, SEED = 2000, 20240229


class BenchError(Exception):
    """A row could not be measured; the message says what to do."""


@dataclass(frozen=True)
class Run:
    """One process with its children: seconds on the clock, and seconds of processor."""

    wall: float
    processor: float


@dataclass(frozen=True)
class Side:
    """One of the two: what it is called, and how it is started once."""

    name: str
    command: Sequence[str]
    folder: Path
    variables: Mapping[str, str]

    def run(self) -> Run:
        """Starts it and waits.

        Raises:
            BenchError: it failed; with the end of what it said.
        """
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        done = subprocess.run(
            self.command,
            cwd=self.folder,
            env=dict(self.variables),
            check=False,
            capture_output=True,
            text=True,
        )
        wall = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise BenchError(f"{self.name} failed:\n{(done.stdout + done.stderr)[-2000:]}")
        spent = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
        return Run(wall, spent)


@dataclass(frozen=True)
class Summary:
    """Median and the tenth and ninetieth percentile, in the unit of the values."""

    median: float
    p10: float
    p90: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Summary:
        ordered = sorted(values)
        return cls(statistics.median(ordered), _percentile(ordered, 0.1), _percentile(ordered, 0.9))


@dataclass(frozen=True)
class Ratio:
    """Median of the pairs' ratios, with the interval that holds it in 95 % of the resamplings."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
        """Of pairs measured one beside the other: what slows the machine slows both."""
        ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
        source = random.Random(SEED)  # noqa: S311  (resampling, no secret)
        medians = sorted(statistics.median(source.choices(ratios, k=len(ratios))) for _ in range(RESAMPLINGS))
        return cls(statistics.median(ratios), _percentile(medians, 0.025), _percentile(medians, 0.975))


def _percentile(ordered: Sequence[float], share: float) -> float:
    """By linear interpolation between the two nearest of the ordered values."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def alternate(sides: Sequence[Side], rounds: int, say: Callable[[str], None]) -> list[list[Run]]:
    """Runs of each side: once unmeasured, then ``rounds`` times, the order turned round each time."""
    for side in sides:
        side.run()
    runs: list[list[Run]] = [[] for _ in sides]
    for number in range(rounds):
        order = list(enumerate(sides))
        for index, side in order if number % 2 == 0 else reversed(order):
            runs[index].append(side.run())
        times = ", ".join(f"{side.name} {runs[index][-1].wall:.2f} s" for index, side in order)
        say(f"  {number + 1}/{rounds}: {times}")
    return runs
