"""Synthesises the network and ecs areas of prod into ``CDK_OUTDIR``: ``python -m tests.bench.synth_areas``.

Goes about it as ``app.py`` does, in the same order.
"""

from __future__ import annotations

import gc
import os
import sys

from stacks.environment import PLACEHOLDER_ACCOUNT, load_environment
from stacks.manifest import load_manifests
from stacks.node import NODE


def main() -> int:
    os.environ.setdefault("JSII_NODE", str(NODE))
    gc.disable()
    environment = load_environment("prod")
    manifests = load_manifests()
    from stacks.validation import template_rules  # noqa: PLC0415  (starts Node, as app.py does)

    rules = template_rules()
    from tests.bench.areas import build  # noqa: PLC0415

    build(environment, manifests, PLACEHOLDER_ACCOUNT, os.environ["CDK_OUTDIR"], rules).synth()
    return 0


if __name__ == "__main__":
    status = main()
    gc.freeze()
    sys.exit(status)
