"""A function of the erasure, by its name of the naming module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import Site
from stacks.function import FunctionProps, Placement, PlatformFunction
from stacks.network.egress import allow_needs
from stacks.network.stack import PRIVATE

#: A step runs again until it is done, so no run needs Lambda's fifteen minutes.
WORKER_MINUTES, CONTROL_MINUTES = 5, 6


def erasure_function(
    scope: Construct,
    construct_id: str,
    *,
    site: Site,
    name: str,
    variables: Mapping[str, str],
    statements: Sequence[iam.PolicyStatement],
    key: kms.Key,
    vpc: ec2.IVpc | None = None,
) -> PlatformFunction:
    """Runs ``lambda/<name without the prefix>/index.py``; in the private subnets where ``vpc`` is given."""
    own_name = name.removeprefix(f"{site.names.prefix}-")
    code = own_name.replace("-", "_")
    return PlatformFunction(
        scope,
        construct_id,
        site=site,
        props=FunctionProps(
            code=code,
            name=name,
            description=f"Erasure of personal data: lambda/{code}",
            timeout=cdk.Duration.minutes(WORKER_MINUTES if vpc else CONTROL_MINUTES),
            memory=256,
            concurrency=10,  # a step for each store, all at once
            log_name=own_name,
            key=key,
            variables=variables,
            statements=statements,
            placement=Placement(vpc, PRIVATE, _group(scope, site, vpc)) if vpc else None,
        ),
    )


def _group(scope: Construct, site: Site, vpc: ec2.IVpc) -> ec2.SecurityGroup:
    group = ec2.SecurityGroup(
        scope,
        "ErasureGroup",
        vpc=vpc,
        description="Erasure: to databases and caches",
        allow_all_outbound=False,
    )
    allow_needs(group, site, ["database", "cache", "global-cache"])
    return group
