"""The CDK's own rules for templates, made ready in Node while Python loads what the CDK wraps."""

from __future__ import annotations

import importlib
import os
from concurrent.futures import ThreadPoolExecutor

import aws_cdk as cdk
import cdk_nag  # noqa: F401  (loads its part into Node: not while the rules are made there)

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
    """What an app would make for itself while it synthesises; None where ``CDK_VALIDATION=false`` says so.

    Node compiles the rules for seconds, in which Python would only wait. jsii takes one call at a time:
    the modules that are loaded meanwhile must make none, so the stacks' own are not among them.
    """
    if os.environ.get("CDK_VALIDATION") == "false":
        return None
    with ThreadPoolExecutor(max_workers=1) as worker:
        rules = worker.submit(cdk.CloudFormationValidatePlugin)
        for module in LARGE_MODULES:
            importlib.import_module(f"aws_cdk.{module}")
    return rules.result()
