"""rotation: the function that rotates the database's master password, and when it does."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.function import FunctionProps, Placement, PlatformFunction
from stacks.global_db.database import DATABASE_NAME
from stacks.global_db.stack import GlobalDbStack
from stacks.manifest import Manifest
from stacks.naming import ROTATION
from stacks.network.stack import PRIVATE
from stacks.secret import opens_copies, seals_copies

#: The last step waits for the replicas of the secret in every region.
TIME_LIMIT = cdk.Duration.minutes(10)


class RotationStack(PlatformStack):
    """In the home region, where the secret's primary is; it reaches the writer in any region by peering.

    The secret itself tells its function which regions hold a copy, and each region's parameter store where
    its member of the database is: so a region that joins is no change here.
    """

    def __init__(
        self,
        scope: Construct,
        site: Site,
        *,
        vpc: ec2.IVpc,
        database: GlobalDbStack,
        manifests: Sequence[Manifest],
        days: int,
    ) -> None:
        super().__init__(scope, site, "rotation", description="Rotation of the database's master password")
        self.credentials = database.credentials
        # Imported: its policy is written where it stands, and admits this function's log.
        self.log_key = kms.Key.from_key_arn(self, "LogKey", database.key.key_arn)
        self.services = [manifest.name for manifest in manifests if "database" in manifest.needs]
        self.function = self._function(vpc)
        self._schedule(self.function.resource, days)

    def _function(self, vpc: ec2.IVpc) -> PlatformFunction:
        environment = self.site.environment
        return PlatformFunction(
            self,
            "Rotate",
            site=self.site,
            props=FunctionProps(
                code="rotation",
                description="Gives the database a new master password, wherever its writer is",
                timeout=TIME_LIMIT,
                memory=256,
                key=self.log_key,
                log_name=ROTATION,
                placement=Placement(vpc, PRIVATE, self._security_group(vpc)),
                statements=self._statements(),
                variables={
                    "DATABASE_ENDPOINT": self._parameter(),
                    "DATABASE_PORT": str(environment.database.port),
                    "DATABASE_NAME": DATABASE_NAME,
                    "DATABASE_TLS": str(environment.database.tls).lower(),
                    "CLUSTER": self.site.names.cluster,
                    "SERVICES": ",".join(self.services),
                },
            ),
        )

    def _parameter(self) -> str:
        """Where a data region says at which address its member is."""
        return self.site.names.parameter("global-db", "database-endpoint")

    def _security_group(self, vpc: ec2.IVpc) -> ec2.SecurityGroup:
        environment = self.site.environment
        group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="Rotation of the password", allow_all_outbound=False
        )
        platform = ec2.Peer.ipv4(environment.network.address_space)
        port = ec2.Port.tcp(environment.database.port)
        group.add_egress_rule(platform, port, "PostgreSQL of the platform")
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "APIs of AWS, authorities of RDS")
        return group

    def _statements(self) -> list[iam.PolicyStatement]:
        site = self.site
        name = f"secret:{site.names.secret('database')}-??????"
        regions = site.environment.reach
        grants = {
            "RotateTheSecret": (
                [
                    "secretsmanager:DescribeSecret",
                    "secretsmanager:PutSecretValue",
                    "secretsmanager:UpdateSecretVersionStage",
                ],
                [f"arn:aws:secretsmanager:{site.region}:{site.account}:{name}"],
            ),
            "ReadTheSecretAndItsReplicas": (
                ["secretsmanager:GetSecretValue"],
                [f"arn:aws:secretsmanager:{region}:{site.account}:{name}" for region in regions],
            ),
            "RenewTheServices": (
                ["ecs:UpdateService"],
                [
                    f"arn:aws:ecs:{region}:{site.account}:service/{site.names.cluster}/{service}"
                    for region in regions
                    for service in self.services
                ],
            ),
            "FindTheMembers": (
                ["ssm:GetParameter"],
                [f"arn:aws:ssm:{region}:{site.account}:parameter{self._parameter()}" for region in regions],
            ),
            # GetRandomPassword knows no resource (service authorization reference of Secrets Manager).
            "MakeAPassword": (["secretsmanager:GetRandomPassword"], ["*"]),
        }
        return [
            *(
                iam.PolicyStatement(sid=sid, actions=actions, resources=resources)
                for sid, (actions, resources) in grants.items()
            ),
            opens_copies(site),
            seals_copies(site),
        ]

    def _schedule(self, function: lambda_.Function, days: int) -> None:
        if self.credentials is None:
            raise LookupError(f"{self.site.region} holds no master secret")
        arn = self.credentials.secret.secret_arn
        permission = lambda_.CfnPermission(
            self,
            "SecretsManager",
            action="lambda:InvokeFunction",
            function_name=function.function_name,
            principal="secretsmanager.amazonaws.com",
            source_account=self.site.account,
            source_arn=arn,
        )
        schedule = secretsmanager.CfnRotationSchedule(
            self,
            "Schedule",
            secret_id=arn,
            rotation_lambda_arn=function.function_arn,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                automatically_after_days=days
            ),
            # A deployment changes no password; the first rotation comes when it is due.
            rotate_immediately_on_update=False,
        )
        schedule.add_resource_dependency(permission)
