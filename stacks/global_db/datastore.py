"""The Global Datastore: what every region reads and the writer region writes (sessions, flags)."""

from __future__ import annotations

from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import Site
from stacks.global_db.cache import RegionalCache, snapshot_at_the_end
from stacks.global_db.users import ENGINE, StoreUsers


class DatastoreMember(Construct):
    """One region's replication group of the datastore.

    The home member is an ordinary group. A secondary names the global group and must omit what it
    inherits: engine, version, node type, shard count, parameter group and both encryption flags.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        cache: RegionalCache,
        key: kms.IKey,
        global_group_id: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        settings = site.environment.cache
        self.site = site
        self.users = StoreUsers(self, "Users", site=site, store="global", default=cache.default_user)
        self.group = elasticache.CfnReplicationGroup(
            self,
            "Group",
            replication_group_id=site.names.global_cache_member(site.region),
            replication_group_description=f"Global datastore of {site.names.prefix}, member {site.region}",
            num_cache_clusters=settings.nodes,
            automatic_failover_enabled=True,
            multi_az_enabled=True,
            cache_subnet_group_name=cache.subnet_group.ref,
            security_group_ids=[cache.security_group.security_group_id],
            port=settings.port,
            kms_key_id=key.key_arn,
            user_group_ids=[self.users.group_id],
            log_delivery_configurations=cache.logs.deliveries(),
            preferred_maintenance_window=settings.maintenance_window,
            auto_minor_version_upgrade=True,
        )
        if global_group_id is not None:
            self.group.global_replication_group_id = global_group_id
            return
        self.group.engine = ENGINE
        self.group.engine_version = settings.engine_version
        self.group.cache_node_type = settings.node_type
        self.group.cache_parameter_group_name = cache.parameters.ref
        self.group.at_rest_encryption_enabled = True
        self.group.transit_encryption_enabled = settings.tls
        self.group.snapshot_retention_limit = settings.snapshot_days
        self.group.snapshot_window = settings.snapshot_window
        snapshot_at_the_end(self.group, site)

    @property
    def identifier(self) -> str:
        """Id of the member; its nodes' metrics have the dimension ``CacheClusterId`` ``<id>-001`` and on."""
        return self.site.names.global_cache_member(self.site.region)

    @property
    def host(self) -> str:
        """Reads here; writes here too where the member is the primary."""
        return self.group.attr_primary_end_point_address


class GlobalDatastore(Construct):
    """The global group. It lists its primary member only; secondaries join from their own regions."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site, primary: DatastoreMember) -> None:
        super().__init__(scope, construct_id)
        self.resource = elasticache.CfnGlobalReplicationGroup(
            self,
            "Resource",
            global_replication_group_id_suffix=site.names.prefix,
            global_replication_group_description=f"Global datastore of {site.names.prefix}",
            automatic_failover_enabled=True,
            members=[
                elasticache.CfnGlobalReplicationGroup.GlobalReplicationGroupMemberProperty(
                    replication_group_id=primary.group.ref,
                    replication_group_region=site.region,
                    role="PRIMARY",
                )
            ],
        )

    @property
    def group_id(self) -> str:
        """The id with the prefix that AWS generates."""
        return self.resource.attr_global_replication_group_id
