"""Synthesises prod with every pack of cdk-nag into the folder that is given: a process of its own, as the
CDK prints each finding where it is found."""

from __future__ import annotations

import sys

from ops.policy.assembly import ENVIRONMENT
from stacks.environment import PLACEHOLDER_ACCOUNT, load_environment
from stacks.manifest import load_manifests


def main(folder: str) -> None:
    """Ends well whether or not a pack finds something: the report says what."""
    from cdk_nag import (  # noqa: PLC0415  (starts Node)
        AwsSolutionsChecks,
        HIPAASecurityChecks,
        NIST80053R5Checks,
        PCIDSS321Checks,
    )

    from stacks.platform import build  # noqa: PLC0415

    packs = (AwsSolutionsChecks, NIST80053R5Checks, PCIDSS321Checks, HIPAASecurityChecks)
    app = build(
        load_environment(ENVIRONMENT), PLACEHOLDER_ACCOUNT, load_manifests(), packs=packs, outdir=folder
    )
    try:
        app.synth()
    except RuntimeError as error:
        if not str(error).startswith("ValidationFailed"):
            raise


if __name__ == "__main__":
    main(sys.argv[1])
