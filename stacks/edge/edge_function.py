"""Lambda@Edge: functions that CloudFront replicates to its edge locations, inside the limits that it sets.

They have no environment variables: what is known at synth is written beside the code, and what a deployment
generates reaches them as custom headers of the origin.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct

from stacks.base import Site, accept_redundant_dependencies, retention
from stacks.errors import ConfigurationError
from stacks.role import granted_role
from stacks.yaml_file import ROOT, relative

Event = Literal["viewer-request", "viewer-response", "origin-request", "origin-response"]

SOURCE = ROOT / "lambda" / "edge"

#: Bytes of a compressed function ("Quotas on Lambda@Edge", CloudFront developer guide).
LIMITS: Mapping[str, int] = {
    "viewer-request": 1_000_000,
    "viewer-response": 1_000_000,
    "origin-request": 50_000_000,
    "origin-response": 50_000_000,
}


class EdgeFunction(Construct):
    """``lambda/edge/<event>`` with ``configuration`` beside it, at one event. Stands in us-east-1."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        event: Event,
        configuration: Mapping[str, Any],
        log_key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self.event = event
        self.source = SOURCE / event.replace("-", "_")
        name = site.names.edge_function(event)
        group_name = f"/aws/lambda/{site.region}.{name}"
        logs.LogGroup(
            self,
            "Logs",
            log_group_name=group_name,
            encryption_key=log_key,
            retention=retention(site.environment.services.log_days),
            removal_policy=site.removal_policy,
        )
        role, policy = self._role(site, group_name)
        with tempfile.TemporaryDirectory() as folder:
            stage(self.source, Path(folder), configuration)
            check_size(self.source, Path(folder), event)
            self.resource = lambda_.Function(
                self,
                "Function",
                function_name=name,
                description=f"Lambda@Edge at {event}",
                runtime=lambda_.Runtime.PYTHON_3_14,
                architecture=lambda_.Architecture.X86_64,
                handler="index.handler",
                code=lambda_.Code.from_asset(folder),
                memory_size=128,
                timeout=cdk.Duration.seconds(5),
                role=role,
                # A version is replicated for hours after nothing uses it any more, and cannot be deleted
                # then.
                current_version_options=lambda_.VersionOptions(removal_policy=cdk.RemovalPolicy.RETAIN),
            )
        self.resource.node.add_dependency(policy)
        accept_redundant_dependencies(self.resource)

    @property
    def version_arn(self) -> str:
        """CloudFront takes a numbered version, never an alias or $LATEST."""
        return self.resource.current_version.function_arn

    def _role(self, site: Site, group_name: str) -> tuple[iam.IRole, iam.ManagedPolicy]:
        """An edge location logs to its nearest region, under this region's name for the function."""
        return granted_role(
            self,
            assumed_by=iam.CompositePrincipal(
                iam.ServicePrincipal("lambda.amazonaws.com"), iam.ServicePrincipal("edgelambda.amazonaws.com")
            ),
            description=f"Lambda@Edge at {self.event}: its log",
            statements=[
                iam.PolicyStatement(
                    sid="OwnLog",
                    actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
                    resources=[f"arn:aws:logs:*:{site.account}:log-group:{group_name}:*"],
                )
            ],
        )


def stage(source: Path, folder: Path, configuration: Mapping[str, Any]) -> None:
    """Copies a function's modules and writes its configuration, the same bytes for the same input."""
    for module in sorted(source.glob("*.py")):
        shutil.copy(module, folder / module.name)
    text = json.dumps(configuration, indent=1, sort_keys=True) + "\n"
    (folder / "configuration.json").write_text(text, encoding="utf-8")


def check_size(source: Path, folder: Path, event: Event) -> None:
    """Raises ConfigurationError when CloudFront would refuse the function at this event for its size."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    size = len(packed.getvalue())
    if size > LIMITS[event]:
        raise ConfigurationError(
            relative(source),
            "",
            f"{size} bytes compressed exceed the {LIMITS[event]} of a function at {event}",
            "remove what it does not need",
        )


def check_variables(scope: IConstruct) -> None:
    """Raises ConfigurationError when a function of the edge has an environment variable."""
    for construct in scope.node.find_all():
        if not isinstance(construct, EdgeFunction):
            continue
        resource = construct.resource.node.default_child
        if not isinstance(resource, lambda_.CfnFunction):
            continue
        # `resource.environment` reads as an empty structure; the properties hold what the template will.
        properties = cdk.Stack.of(construct).resolve(resource._cfn_properties)
        names = sorted(properties.get("environment", {}).get("variables", {}))
        if names:
            raise ConfigurationError(
                relative(construct.source),
                "",
                f"Lambda@Edge has no environment variables, and this function has {', '.join(names)}",
                "write the value into its configuration in stacks/edge",
            )
