"""Aurora Global Database: the global cluster, and a region's member of it.

L1 constructs: the L2 ``DatabaseCluster`` leaves a useless secret beside a secondary, which has no
credentials of its own, and cannot leave the engine version to the global cluster.
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.base import Site
from stacks.global_db.credentials import Credentials
from stacks.global_db.observation import LOG_EXPORTS, Observation
from stacks.global_db.parameters import ENGINE, ParameterGroups
from stacks.network.stack import DATA

DATABASE_NAME = "richesreach"


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


class MemberCluster(Construct):
    """One region's cluster. With ``credentials`` it is the home member that creates the database;
    without, a secondary that has neither credentials nor a database name.

    Where the database is not global, the home member is a cluster on its own that names its version.
    """

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
        self.key = key
        self.security_group = self._security_group(vpc)
        self.parameters = ParameterGroups(self, "Parameters", site=site)
        self.observation = Observation(self, "Observation", site=site, key=key)
        self.cluster = self._cluster(vpc, credentials)
        self.cluster.node.add_dependency(self.observation.log_group)
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
        self.instances = [self._instance(number) for number in range(1, self.settings.instances + 1)]

    @property
    def identifier(self) -> str:
        """Dimension ``DBClusterIdentifier`` of the cluster's metrics."""
        return self.site.names.database_cluster(self.site.region)

    @property
    def instance_identifiers(self) -> list[str]:
        """Dimension ``DBInstanceIdentifier`` of each instance's metrics."""
        numbers = range(1, self.settings.instances + 1)
        return [self.site.names.database_instance(self.site.region, number) for number in numbers]

    @property
    def endpoint(self) -> str:
        return self.cluster.attr_endpoint_address

    @property
    def reader_endpoint(self) -> str:
        return self.cluster.attr_read_endpoint_address

    def _security_group(self, vpc: ec2.IVpc) -> ec2.SecurityGroup:
        """The whole platform may connect: after a promotion the writer is here for every region."""
        group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            description="PostgreSQL from the platform",
            allow_all_outbound=False,
        )
        platform = ec2.Peer.ipv4(self.site.environment.network.address_space)
        group.add_ingress_rule(platform, ec2.Port.tcp(self.settings.port), "PostgreSQL from the platform")
        return group

    def _cluster(self, vpc: ec2.IVpc, credentials: Credentials | None) -> rds.CfnDBCluster:
        settings = self.settings
        subnets = rds.CfnDBSubnetGroup(
            self,
            "Subnets",
            db_subnet_group_description=f"Data subnets of {self.site.names.prefix}",
            subnet_ids=vpc.select_subnets(subnet_group_name=DATA).subnet_ids,
        )
        cluster = rds.CfnDBCluster(
            self,
            "Cluster",
            db_cluster_identifier=self.identifier,
            engine=ENGINE,
            database_name=DATABASE_NAME if credentials else None,
            master_username=credentials.field("username") if credentials else None,
            master_user_password=credentials.field("password") if credentials else None,
            port=settings.port,
            db_subnet_group_name=subnets.ref,
            db_cluster_parameter_group_name=self.parameters.cluster.ref,
            vpc_security_group_ids=[self.security_group.security_group_id],
            storage_encrypted=True,
            kms_key_id=self.key.key_arn,
            serverless_v2_scaling_configuration=rds.CfnDBCluster.ServerlessV2ScalingConfigurationProperty(
                min_capacity=settings.min_capacity,
                max_capacity=settings.max_capacity,
                seconds_until_auto_pause=settings.pause_after_seconds,
            ),
            backup_retention_period=settings.backup_days,
            preferred_backup_window=settings.backup_window,
            preferred_maintenance_window=settings.maintenance_window,
            copy_tags_to_snapshot=True,
            enable_iam_database_authentication=True,
            enable_cloudwatch_logs_exports=list(LOG_EXPORTS),
            deletion_protection=self.site.environment.protect,
            database_insights_mode=settings.insights,
            monitoring_interval=self.observation.interval,
            monitoring_role_arn=self.observation.role_arn,
            performance_insights_enabled=True,
            performance_insights_kms_key_id=self.key.key_arn,
            performance_insights_retention_period=settings.insights_days,
            **self._membership(home=credentials is not None),
        )
        policy = cdk.RemovalPolicy.SNAPSHOT if self.site.environment.protect else cdk.RemovalPolicy.DESTROY
        cluster.apply_removal_policy(policy)
        return cluster

    def _membership(self, *, home: bool) -> dict[str, Any]:
        """A member leaves its version to the global cluster; a cluster on its own names it."""
        if not self.settings.is_global:
            return {"engine_version": self.settings.engine_version}
        forwarding = True if self.settings.write_forwarding and not home else None
        return {
            "global_cluster_identifier": self.site.names.global_cluster,
            "enable_global_write_forwarding": forwarding,
        }

    def _instance(self, number: int) -> rds.CfnDBInstance:
        instance = rds.CfnDBInstance(
            self,
            f"Instance{number}",
            db_instance_identifier=self.site.names.database_instance(self.site.region, number),
            db_cluster_identifier=self.cluster.ref,
            db_instance_class="db.serverless",
            db_parameter_group_name=self.parameters.instance.ref,
            engine=ENGINE,
            publicly_accessible=False,
            # No effect in a global database, whose version the global cluster owns.
            auto_minor_version_upgrade=True,
            ca_certificate_identifier=self.settings.certificate_authority,
            preferred_maintenance_window=self.settings.maintenance_window,
            promotion_tier=0 if number == 1 else 1,
            # The same in every instance and the cluster, as Database Insights demands.
            monitoring_interval=self.observation.interval,
            monitoring_role_arn=self.observation.role_arn,
            enable_performance_insights=True,
            performance_insights_kms_key_id=self.key.key_arn,
            performance_insights_retention_period=self.settings.insights_days,
        )
        instance.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        return instance
