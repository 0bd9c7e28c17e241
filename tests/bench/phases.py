"""Synthesises prod as ``app.py`` does, and writes how long each phase took, in seconds, to the file named."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path

from stacks.environment import PLACEHOLDER_ACCOUNT, load_environment
from stacks.manifest import load_manifests
from stacks.node import NODE


def main(target: Path) -> int:
    os.environ.setdefault("JSII_NODE", str(NODE))
    gc.disable()
    marks = {"start": time.perf_counter()}
    environment = load_environment("prod")
    manifests = load_manifests()
    marks["configuration"] = time.perf_counter()
    from stacks.validation import template_rules  # noqa: PLC0415  (starts Node, as app.py does)

    rules = template_rules()
    from stacks.platform import build  # noqa: PLC0415

    marks["imports, with the CDK's rules made beside them"] = time.perf_counter()
    if os.environ.get("RICHESREACH_BENCH_NAG") == "off":
        environment = environment.model_copy(update={"cdk_nag": False})
    app = build(environment, PLACEHOLDER_ACCOUNT, manifests, rules)
    marks["constructs"] = time.perf_counter()
    app.synth()
    marks["synth"] = time.perf_counter()
    times = list(marks.items())
    took = {name: end - times[index][1] for index, (name, end) in enumerate(times[1:])}
    target.write_text(json.dumps(took), encoding="utf-8")
    return 0


if __name__ == "__main__":
    status = main(Path(sys.argv[1]))
    gc.freeze()
    sys.exit(status)
