"""Composes the stacks of one environment: ``cdk synth -c env=prod`` or ``RICHESREACH_ENV=prod``."""

from __future__ import annotations

import gc
import json
import os
import sys

from stacks.environment import PLACEHOLDER_ACCOUNT, account, load_environment
from stacks.errors import ConfigurationError
from stacks.manifest import load_manifests
from stacks.node import NODE


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


def main() -> int:
    # jsii takes whatever `node` is on the PATH; this is the one that the lock pins.
    os.environ.setdefault("JSII_NODE", str(NODE))
    # A synthesis ends before its garbage matters; looking for it takes as long as all imports.
    gc.disable()
    try:
        environment = load_environment(chosen_environment())
        manifests = load_manifests()
        owner = account()
        from stacks.validation import template_rules  # noqa: PLC0415  (starts Node: not before the input is known good)

        rules = template_rules()
        from stacks.platform import build  # noqa: PLC0415

        app = build(environment, owner, manifests, rules)
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
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


if __name__ == "__main__":
    status = main()
    gc.freeze()  # nor is there any use in the collection by which the interpreter ends
    sys.exit(status)
