"""What templates are held against while an app synthesises: cdk-nag, and the CDK's own rules."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from stacks.environment import Environment

Pack = Callable[[], cdk.IPolicyValidationPlugin]


def validate(
    app: cdk.App,
    environment: Environment,
    rules: cdk.CloudFormationValidatePlugin | None = None,
    packs: Sequence[Pack] = (AwsSolutionsChecks,),
) -> None:
    """Has the app's templates checked while it synthesises; ``RICHESREACH_POLICY=false`` leaves the packs out
    where templates are only compared, so that a plan shows what a change does before it is ripe."""
    plugins = cdk.Validations.of(app)
    if environment.cdk_nag and os.environ.get("RICHESREACH_POLICY") != "false":
        plugins.add_plugins(*(pack() for pack in packs))
    if rules is not None:
        plugins.add_plugins(rules)
