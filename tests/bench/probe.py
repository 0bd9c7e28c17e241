"""A measurement inside the services' own environment, as a program that prints what it found."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from stacks.yaml_file import ROOT
from tests.bench.measure import BenchError

PYTHON = ROOT / ".venv-services" / "bin" / "python"


def probed(program: Path, *arguments: str, timeout: float) -> dict[str, Any]:
    """The JSON of its last line, within `timeout` seconds.

    Raises:
        BenchError: it failed; with the end of what it said.
    """
    done = subprocess.run(
        [PYTHON, program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        cwd=ROOT,
    )
    if done.returncode:
        raise BenchError(f"the probe failed:\n{(done.stdout + done.stderr)[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
