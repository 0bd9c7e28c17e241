"""How long ``richesreach plan --env prod`` takes beyond synthesis: ``python -m tests.stacks.plan_timing``.

Prod in three regions against the branch of the tests that shrinks the database, renames the lake and opens a
security group. The synthesis stands beside it, for each side once; loading the programs is counted.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from ops.plan import command, markdown, page
from ops.plan.report import plan
from stacks.environment import load_environment
from tests.stacks.branches import DANGEROUS, branch

T = TypeVar("T")
LOAD = "import ops.cli, ops.plan.command"
WRITERS = {
    "text": command.text_of,
    "JSON": command.json_of,
    "Markdown": markdown.write,
    "HTML": page.write,
}


def timed(what: str, function: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    made = function()
    taken = time.perf_counter() - start
    sys.stdout.write(f"{what:<28}{taken:6.2f} s\n")
    return made, taken


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before, _ = timed("synthesis of main", lambda: branch(folder / "main", {}))
        after, _ = timed("synthesis of the branch", lambda: branch(folder / "branch", DANGEROUS))
    _, loading = timed(
        "loading the programs", lambda: subprocess.run([sys.executable, "-c", LOAD], check=True)
    )
    environment = load_environment("prod")
    made, comparing = timed("comparing", lambda: plan(environment, "revision main", before, after))
    slowest = max(timed(f"writing {form}", partial(write, made))[1] for form, write in WRITERS.items())
    sys.stdout.write(f"beyond the synthesis, at most {loading + comparing + slowest:6.2f} s\n")


if __name__ == "__main__":
    main()
