"""Writes docs/synthesis.md: how large the platform is in 1, 3 and 12 regions.

``python -m tests.stacks.synthesis_table``; a test fails where the committed page is stale.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from stacks.environment import PLACEHOLDER_ACCOUNT, Environment, load_environment
from stacks.manifest import load_manifests
from stacks.node import NODE
from stacks.yaml_file import ROOT
from tests.stacks import environments
from tests.stacks.assembly import Assembly

PAGE = ROOT / "docs" / "synthesis.md"

#: Most resources that a stack of ours may have; test_platform.py holds each to it.
LIMIT = 400

HEAD = f"""# Size of what is synthesised

Written by `python -m tests.stacks.synthesis_table`; a test fails where it is stale. The environments are
prod as committed (3 regions) and two variants of it from `tests/stacks/environments.py`: a single region
that is not the edge's, and the most regions that the configuration takes. Every stack stays below {LIMIT}
of the 500 resources that CloudFormation takes.

| compute regions | stacks | resources | resource types | largest stack | its resources |
| ---: | ---: | ---: | ---: | --- | ---: |
"""


def largest(assembly: Assembly) -> tuple[str, int]:
    """The stack with most resources and their number; the first by name of equals."""
    sizes = {name: len(template.get("Resources", {})) for name, template in assembly.templates.items()}
    return max(sorted(sizes.items()), key=lambda size: size[1])


def page(assemblies: Mapping[int, Assembly]) -> str:
    """The page for the assemblies, by their number of compute regions."""
    lines = []
    for regions, assembly in sorted(assemblies.items()):
        resources = [
            resource
            for template in assembly.templates.values()
            for resource in template.get("Resources", {}).values()
        ]
        name, size = largest(assembly)
        kinds = len({resource["Type"] for resource in resources})
        lines.append(
            f"| {regions} | {len(assembly.templates)} | {len(resources)} | {kinds} | `{name}` | {size} |\n"
        )
    return HEAD + "".join(lines)


def matrix(folder: Path) -> dict[int, Environment]:
    """The environments of the table; files of the variants go below ``folder``."""
    return {
        1: environments.read(folder, environments.single_region()),
        3: load_environment("prod"),
        12: environments.read(folder, environments.twelve_regions()),
    }


def main() -> int:
    os.environ.setdefault("JSII_NODE", str(NODE))
    from stacks.platform import build  # noqa: PLC0415  (starts Node)

    with tempfile.TemporaryDirectory() as scratch:
        assemblies = {}
        for regions, environment in matrix(Path(scratch)).items():
            outdir = Path(scratch) / str(regions)
            unruled = environment.model_copy(update={"cdk_nag": False})
            build(unruled, PLACEHOLDER_ACCOUNT, load_manifests(), outdir=str(outdir)).synth()
            assemblies[regions] = Assembly(outdir, environment.name)
        PAGE.write_text(page(assemblies), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
