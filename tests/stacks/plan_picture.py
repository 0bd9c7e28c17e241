"""The picture of docs/delivery.md: the plan of a dangerous branch, as a browser shows it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from ops.plan import page
from ops.plan.report import plan
from stacks.environment import load_environment
from stacks.yaml_file import ROOT
from tests.stacks.branches import DANGEROUS, branch

PICTURE = ROOT / "docs" / "plan.png"


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before, after = branch(folder / "main", {}), branch(folder / "branch", DANGEROUS)
        html = folder / "plan.html"
        made = plan(load_environment("prod"), "revision main", before, after)
        html.write_text(page.write(made), encoding="utf-8")
        command = [str(ROOT / "ops" / "screenshot"), str(html), str(PICTURE)]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
