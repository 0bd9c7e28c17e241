"""What somebody who waits sees: the waves, each stack's time beside the expected one, the bake.

On a terminal a table that moves; elsewhere a line for each thing that happened.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ops.deploy.expected import Expected
from ops.deploy.one_stack import Kind, Outcome
from ops.deploy.waves import Wave


class Board:
    """Threads may tell it of their stacks."""

    def __init__(self, console: Console, expected: Expected) -> None:
        self.console = console
        self.expected = expected
        self._lock = threading.Lock()
        self._kinds: dict[str, Kind] = {}
        self._began: dict[str, float] = {}
        self._ended: dict[str, Outcome] = {}
        self._live: Live | None = None

    def line(self, text: str, style: str | None = None) -> None:
        self.console.print(text, style=style, markup=False)

    def waves(self, made: Sequence[Wave], kinds: Mapping[str, Kind], concurrency: int, bake: float) -> None:
        """The whole way ahead, with the time that it may take."""
        table = Table("wave", "region", "stacks", "expected")
        total = 0.0
        for number, wave in enumerate(made, start=1):
            seconds = self.expected.wave(wave, kinds, concurrency)
            total += seconds + bake
            names = ", ".join(_short(name, wave.region, kinds[name]) for name in wave.stacks)
            table.add_row(str(number), wave.region, names, clock(seconds))
        self.console.print(table)
        unknown = sum(not self.expected.known(name, kinds[name]) for wave in made for name in wave.stacks)
        guess = f"; {unknown} stacks without a recorded run go by planning figures" if unknown else ""
        self.line(f"{len(made)} waves, about {clock(total)} with {clock(bake)} of bake after each{guess}")

    @contextmanager
    def wave(self, number: int, of: int, wave: Wave, kinds: Mapping[str, Kind]) -> Iterator[None]:
        """While a wave runs."""
        self._kinds, self._began, self._ended = {name: kinds[name] for name in wave.stacks}, {}, {}
        self.line(f"wave {number} of {of}: {wave.region}, {len(wave.stacks)} stacks", "bold")
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, get_renderable=self._table, refresh_per_second=2) as self._live:
            yield
        self._live = None

    def began(self, stack: str, kind: Kind) -> None:
        with self._lock:
            self._kinds[stack] = kind
            self._began[stack] = time.monotonic()
        if self._live is None:
            self.line(f"  {stack}: {kind}, expected {clock(self.expected.seconds(stack, kind))}")

    def ended(self, outcome: Outcome) -> None:
        with self._lock:
            self._ended[outcome.stack] = outcome
        if self._live is None:
            word = f"failed after {clock(outcome.seconds)}" if outcome.reason else clock(outcome.seconds)
            self.line(f"  {outcome.stack}: {word}", "red" if outcome.reason else "green")

    def _table(self) -> Table:
        table = Table("stack", "", "elapsed", "expected")
        with self._lock:
            for stack, kind in self._kinds.items():
                outcome, began = self._ended.get(stack), self._began.get(stack)
                state, style, elapsed = "waits", "dim", ""
                if outcome is not None:
                    failed = bool(outcome.reason)
                    state, style = ("failed", "red") if failed else ("done", "green")
                    elapsed = clock(outcome.seconds)
                elif began is not None:
                    state, style, elapsed = str(kind), "", clock(time.monotonic() - began)
                table.add_row(stack, state, elapsed, clock(self.expected.seconds(stack, kind)), style=style)
        return table


def clock(seconds: float) -> str:
    """``7 s``, ``2:05 min``, ``1:02:05 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02} h"


def _short(name: str, region: str, kind: Kind) -> str:
    area = name.partition(f"-{region}-")[2] or name
    return area if kind is Kind.UPDATE else f"{area} ({'new' if kind is Kind.CREATE else kind})"
