"""Synthesises prod as ``app.py`` does, and writes how long each phase took, in seconds, to the file named."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path

from stacks import template_rules
from stacks.node import NodeProcess


def main(node: NodeProcess, target: Path) -> int:
    marks = {"start": time.perf_counter()}
    making = template_rules.begin(node)
    marks["Node and the CDK in it"] = time.perf_counter()
    from stacks.environment import PLACEHOLDER_ACCOUNT, load_environment  # noqa: PLC0415
    from stacks.manifest import load_manifests  # noqa: PLC0415

    environment = load_environment("prod")
    manifests = load_manifests()
    marks["configuration, with the CDK's rules made beside it"] = time.perf_counter()
    template_rules.load_wrappers()
    from stacks.platform import build  # noqa: PLC0415

    rules = making.result()
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
    gc.disable()
    process = NodeProcess()
    process.leave(main(process, Path(sys.argv[1])))
