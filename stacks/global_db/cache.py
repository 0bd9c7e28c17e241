"""The region's own Valkey: writable here, read here, and nowhere else."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import Site
from stacks.global_db.cache_logs import CacheLogs
from stacks.global_db.users import ENGINE, DefaultUser, StoreUsers
from stacks.network.stack import DATA


def snapshot_at_the_end(group: elasticache.CfnReplicationGroup, site: Site) -> None:
    """Where the environment is protected, a group that is removed leaves a last snapshot."""
    group.apply_removal_policy(
        cdk.RemovalPolicy.SNAPSHOT if site.environment.protect else cdk.RemovalPolicy.DESTROY
    )


class RegionalCache(Construct):
    """A primary, alone or with replicas in other zones; no cluster mode, so that two endpoints say it all."""

    def __init__(
        self, scope: Construct, construct_id: str, *, site: Site, vpc: ec2.IVpc, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        settings = site.environment.cache
        self.fails_over = settings.nodes > 1
        self.subnet_group = elasticache.CfnSubnetGroup(
            self,
            "Subnets",
            description=f"Data subnets of {site.names.prefix}",
            subnet_ids=vpc.select_subnets(subnet_group_name=DATA).subnet_ids,
            cache_subnet_group_name=site.names.prefix,
        )
        self.security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="Valkey from the platform", allow_all_outbound=False
        )
        platform = ec2.Peer.ipv4(site.environment.network.address_space)
        self.security_group.add_ingress_rule(
            platform, ec2.Port.tcp(settings.port), "Valkey from the platform"
        )
        self.parameters = elasticache.CfnParameterGroup(
            self,
            "Parameters",
            cache_parameter_group_family=f"{ENGINE}{settings.engine_version.split('.')[0]}",
            description="Evicts what is used least among what expires: everything cached carries a TTL",
            # Key space events stay off, which is the default: nobody listens, and each would cost a message.
            properties={
                "maxmemory-policy": "volatile-lru",
                "slowlog-log-slower-than": str(settings.slow_command_microseconds),
            },
        )
        self.logs = CacheLogs(self, "Logs", site=site, key=key)
        self.default_user = DefaultUser(self, "DefaultUser", site=site)
        self.users = StoreUsers(self, "Users", site=site, store="cache", default=self.default_user)
        self.group = elasticache.CfnReplicationGroup(
            self,
            "Group",
            replication_group_id=site.names.cache(site.region),
            replication_group_description=f"Cache of {site.names.prefix} in {site.region}",
            engine=ENGINE,
            engine_version=settings.engine_version,
            cache_node_type=settings.node_type,
            cache_parameter_group_name=self.parameters.ref,
            num_cache_clusters=settings.nodes,
            automatic_failover_enabled=self.fails_over,
            multi_az_enabled=self.fails_over,
            cache_subnet_group_name=self.subnet_group.ref,
            security_group_ids=[self.security_group.security_group_id],
            port=settings.port,
            at_rest_encryption_enabled=True,
            kms_key_id=key.key_arn,
            transit_encryption_enabled=settings.tls,
            user_group_ids=[self.users.group_id],
            log_delivery_configurations=self.logs.deliveries(),
            snapshot_retention_limit=settings.snapshot_days,
            snapshot_window=settings.snapshot_window,
            preferred_maintenance_window=settings.maintenance_window,
            auto_minor_version_upgrade=True,
        )
        snapshot_at_the_end(self.group, site)

    @property
    def identifier(self) -> str:
        """Id of the group; its nodes' metrics have the dimension ``CacheClusterId`` ``<id>-001`` and on."""
        return self.site.names.cache(self.site.region)

    @property
    def primary_host(self) -> str:
        return self.group.attr_primary_end_point_address

    @property
    def secondary_host(self) -> str:
        """Of the replicas; a primary alone answers for them."""
        return self.group.attr_reader_end_point_address if self.fails_over else self.primary_host
