"""Synthesises the network and ecs areas of prod into ``CDK_OUTDIR``: ``python -m tests.bench.synth_areas``.

Goes about it as ``app.py`` does, in the same order.
"""

from __future__ import annotations

import gc
import os

from stacks import template_rules
from stacks.node import NodeProcess


def main(node: NodeProcess) -> int:
    rules = template_rules.begin(node)
    from stacks.environment import PLACEHOLDER_ACCOUNT, load_environment  # noqa: PLC0415
    from stacks.manifest import load_manifests  # noqa: PLC0415

    environment = load_environment("prod")
    manifests = load_manifests()
    template_rules.load_wrappers()
    from tests.bench.areas import build  # noqa: PLC0415

    build(environment, manifests, PLACEHOLDER_ACCOUNT, os.environ["CDK_OUTDIR"], rules.result()).synth()
    return 0


if __name__ == "__main__":
    gc.disable()
    process = NodeProcess()
    process.leave(main(process))
