"""What templates are held against while an app synthesises: cdk-nag, and the CDK's own rules."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from stacks.environment import Environment

Pack = Callable[[], cdk.IPolicyValidationPlugin]

#: The wrappers that take longest to load, of those that the stacks use.
LARGE_MODULES = (
    "aws_cloudfront",
    "aws_cloudwatch",
    "aws_cognito",
    "aws_config",
    "aws_ec2",
    "aws_ecs",
    "aws_elasticloadbalancingv2",
    "aws_glue",
    "aws_lambda",
    "aws_rds",
    "aws_route53",
    "aws_s3",
    "aws_stepfunctions",
    "aws_wafv2",
)


def template_rules() -> cdk.CloudFormationValidatePlugin | None:
    """The CDK's own, which an app would make for itself later; None where ``CDK_VALIDATION=false`` says so.

    Node compiles them for seconds, in which Python loads the wrappers of the CDK instead of waiting. jsii
    takes one call at a time: what is loaded meanwhile must make none, so the stacks are not among it.
    """
    if os.environ.get("CDK_VALIDATION") == "false":
        return None
    with ThreadPoolExecutor(max_workers=1) as worker:
        rules = worker.submit(cdk.CloudFormationValidatePlugin)
        for module in LARGE_MODULES:
            importlib.import_module(f"aws_cdk.{module}")
    return rules.result()


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
