"""The CDK's own rules for templates, made while Python reads and imports."""

from __future__ import annotations

import importlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from stacks.node import NodeProcess

if TYPE_CHECKING:
    import aws_cdk as cdk

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


def begin(node: NodeProcess) -> Future[cdk.CloudFormationValidatePlugin | None]:
    """Loads the CDK into ``node``, which then makes the rules that an app would make for itself at its end;
    None where ``CDK_VALIDATION=false`` says so.

    Node compiles them for a second. Whoever needs Node meanwhile waits for it; reading the configuration and
    loading the wrappers of the CDK do not need it.
    """
    from stacks.kernel import connect  # noqa: PLC0415  (imports jsii: after Node is started)

    connect(node)
    importlib.import_module("aws_cdk")
    worker = ThreadPoolExecutor(max_workers=1)
    rules = worker.submit(_make)
    worker.shutdown(wait=False)
    return rules


def _make() -> cdk.CloudFormationValidatePlugin | None:
    import aws_cdk as cdk  # noqa: PLC0415  (needs the kernel)

    rules = None if os.environ.get("CDK_VALIDATION") == "false" else cdk.CloudFormationValidatePlugin()
    importlib.import_module("cdk_nag")  # loads for 0.2 s, too
    return rules


def load_wrappers() -> None:
    """Loads what the stacks import of the CDK, as far as that takes long."""
    for module in LARGE_MODULES:
        importlib.import_module(f"aws_cdk.{module}")
