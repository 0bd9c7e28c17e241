"""Composes the stacks of one environment: ``cdk synth -c env=prod`` or ``RICHESREACH_ENV=prod``."""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Never

from stacks import template_rules
from stacks.errors import ConfigurationError
from stacks.node import NodeProcess


def chosen_environment() -> str:
    """RICHESREACH_ENV, else the ``env`` that the CDK CLI passes on, else prod.

    Raises:
        ConfigurationError: what was passed on is no JSON object.
    """
    try:
        passed = dict(json.loads(os.environ.get("CDK_CONTEXT_JSON") or "{}"))
    except (TypeError, ValueError):
        raise ConfigurationError("CDK_CONTEXT_JSON", "", "is no JSON object", "unset it") from None
    return os.environ.get("RICHESREACH_ENV") or str(passed.get("env") or "prod")


def synthesise(node: NodeProcess) -> int:
    """Synthesises what was chosen in ``node``, and says what is wrong; the status of the process."""
    rules = template_rules.begin(node)
    from stacks.environment import PLACEHOLDER_ACCOUNT, account, load_environment  # noqa: PLC0415
    from stacks.manifest import load_manifests  # noqa: PLC0415

    environment = load_environment(chosen_environment())
    manifests = load_manifests()
    owner = account()
    template_rules.load_wrappers()
    from stacks.platform import build  # noqa: PLC0415  (calls Node, which makes the rules until now)

    app = build(environment, owner, manifests, rules.result())
    if owner == PLACEHOLDER_ACCOUNT:
        print(f"CDK_DEFAULT_ACCOUNT is not set: synthesising for {PLACEHOLDER_ACCOUNT}", file=sys.stderr)  # noqa: T201
    try:
        app.synth()
    except RuntimeError as error:
        if not str(error).startswith("ValidationFailed"):
            raise
        print("error: findings of the policy packs, above; mend them or acknowledge each", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def main() -> Never:
    # A synthesis ends before its garbage matters; looking for it takes as long as all imports.
    gc.disable()
    # The CDK CLI says where to; without it, its own default.
    os.environ.setdefault("CDK_OUTDIR", "cdk.out")
    node = None
    try:
        node = NodeProcess()
        status = synthesise(node)
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        status = 2
    if node:
        node.leave(status)
    sys.exit(status)


if __name__ == "__main__":
    main()
