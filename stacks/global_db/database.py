"""Aurora Global Database: the global cluster, and a region's member of it.

L1 constructs: the L2 ``DatabaseCluster`` leaves a useless secret beside a secondary, which has no
credentials of its own, and cannot leave the engine version to the global cluster.
"""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.base import Site
from stacks.network.stack import DATA

ENGINE = "aurora-postgresql"
DATABASE_NAME = "richesreach"
MASTER_USER = "richesreach"


class GlobalCluster(Construct):
    """Owns engine and version for every member, so that an upgrade is one change in one place."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site) -> None:
        super().__init__(scope, construct_id)
        self.resource = rds.CfnGlobalCluster(
            self,
            "Resource",
            global_cluster_identifier=site.names.global_cluster,
            engine=ENGINE,
            engine_version=site.environment.database.engine_version,
            storage_encrypted=True,
            deletion_protection=site.environment.protect,
        )
        self.resource.apply_removal_policy(site.removal_policy)


class Credentials(Construct):
    """The master secret, born in the home region and replicated to every other."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site) -> None:
        super().__init__(scope, construct_id)
        others = [region for region in site.environment.regions if region != site.region]
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            secret_name=site.names.secret("database"),
            description=f"Master credentials of {site.names.global_cluster}",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps({"username": MASTER_USER}),
                generate_string_key="password",
                exclude_punctuation=True,
                password_length=32,
            ),
            replica_regions=[secretsmanager.ReplicaRegion(region=region) for region in others],
            removal_policy=site.removal_policy,
        )

    def field(self, key: str) -> str:
        """A dynamic reference: CloudFormation resolves it, the template never holds the value."""
        return self.secret.secret_value_from_json(key).unsafe_unwrap()


class MemberCluster(Construct):
    """One region's cluster. With ``credentials`` it is the home member that creates the database;
    without, a secondary that has neither credentials nor a database name."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        vpc: ec2.IVpc,
        key: kms.IKey,
        credentials: Credentials | None,
        after: GlobalCluster | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.settings = site.environment.database
        self.security_group = self._security_group(vpc)
        self.cluster = self._cluster(vpc, key, credentials)
        if after is not None:
            self.cluster.add_resource_dependency(after.resource)
        if credentials is not None:
            secretsmanager.CfnSecretTargetAttachment(
                self,
                "Attachment",
                secret_id=credentials.secret.secret_arn,
                target_id=self.cluster.ref,
                target_type="AWS::RDS::DBCluster",
            )
        for number in range(1, self.settings.instances + 1):
            self._instance(number)

    @property
    def endpoint(self) -> str:
        return self.cluster.attr_endpoint_address

    @property
    def reader_endpoint(self) -> str:
        return self.cluster.attr_read_endpoint_address

    def _security_group(self, vpc: ec2.IVpc) -> ec2.SecurityGroup:
        """Every region's network may connect: after a promotion the writer is here for all of them."""
        group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            description="PostgreSQL from the platform",
            allow_all_outbound=False,
        )
        for region, settings in self.site.environment.regions.items():
            group.add_ingress_rule(
                ec2.Peer.ipv4(settings.cidr), ec2.Port.tcp(self.settings.port), f"PostgreSQL from {region}"
            )
        return group

    def _cluster(self, vpc: ec2.IVpc, key: kms.IKey, credentials: Credentials | None) -> rds.CfnDBCluster:
        names = self.site.names
        subnets = rds.CfnDBSubnetGroup(
            self,
            "Subnets",
            db_subnet_group_description=f"Data subnets of {names.prefix}",
            subnet_ids=vpc.select_subnets(subnet_group_name=DATA).subnet_ids,
        )
        parameters = rds.CfnDBClusterParameterGroup(
            self,
            "Parameters",
            description=f"Cluster parameters of {names.prefix}",
            family=f"{ENGINE}{self.settings.engine_version.split('.')[0]}",
            parameters={"rds.force_ssl": "1" if self.settings.tls else "0"},
        )
        cluster = rds.CfnDBCluster(
            self,
            "Cluster",
            db_cluster_identifier=names.database_cluster(self.site.region),
            global_cluster_identifier=names.global_cluster,
            engine=ENGINE,
            database_name=DATABASE_NAME if credentials else None,
            master_username=credentials.field("username") if credentials else None,
            master_user_password=credentials.field("password") if credentials else None,
            port=self.settings.port,
            db_subnet_group_name=subnets.ref,
            db_cluster_parameter_group_name=parameters.ref,
            vpc_security_group_ids=[self.security_group.security_group_id],
            storage_encrypted=True,
            kms_key_id=key.key_arn,
            serverless_v2_scaling_configuration=rds.CfnDBCluster.ServerlessV2ScalingConfigurationProperty(
                min_capacity=self.settings.min_capacity, max_capacity=self.settings.max_capacity
            ),
            backup_retention_period=self.settings.backup_days,
            copy_tags_to_snapshot=True,
            enable_iam_database_authentication=True,
            enable_cloudwatch_logs_exports=["postgresql"],
            deletion_protection=self.site.environment.protect,
        )
        policy = cdk.RemovalPolicy.SNAPSHOT if self.site.environment.protect else cdk.RemovalPolicy.DESTROY
        cluster.apply_removal_policy(policy)
        return cluster

    def _instance(self, number: int) -> None:
        instance = rds.CfnDBInstance(
            self,
            f"Instance{number}",
            db_instance_identifier=self.site.names.database_instance(self.site.region, number),
            db_cluster_identifier=self.cluster.ref,
            db_instance_class="db.serverless",
            engine=ENGINE,
            publicly_accessible=False,
            auto_minor_version_upgrade=False,
            promotion_tier=0 if number == 1 else 1,
        )
        instance.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
