"""global-db: a region's share of the Aurora Global Database, its own cache, its member of the datastore."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.global_db.backup import DatabaseBackup
from stacks.global_db.cache import RegionalCache
from stacks.global_db.credentials import Credentials
from stacks.global_db.database import GlobalCluster, MemberCluster
from stacks.global_db.datastore import DatastoreMember, GlobalDatastore
from stacks.global_db.key import data_key


class GlobalDbStack(PlatformStack):
    """``home`` is the home region's stack for every other region, and None for the home itself;
    ``secrets_key`` is that of the region's secrets, for who reads them."""

    database: MemberCluster | None = None
    datastore: DatastoreMember | None = None
    credentials: Credentials | None = None
    global_datastore: GlobalDatastore | None = None
    backup: DatabaseBackup | None = None

    def __init__(
        self,
        scope: Construct,
        site: Site,
        *,
        vpc: ec2.IVpc,
        home: GlobalDbStack | None,
        secrets_key: kms.IKey,
    ) -> None:
        super().__init__(
            scope, site, "global-db", description="Aurora Global member, cache and datastore member"
        )
        environment = site.environment
        self.secrets_key = secrets_key
        self.key = data_key(self, "DataKey", site=site)
        if home is not None:
            self.add_stack_dependency(home, "secondaries join what the home region creates")
        if site.region in environment.data_regions:
            self._database(vpc)
        self.cache = RegionalCache(self, "Cache", site=site, vpc=vpc, key=self.key)
        if site.region in environment.datastore_regions:
            self._datastore(home)
        self._publish()

    def _database(self, vpc: ec2.IVpc) -> None:
        global_cluster = None
        settings = self.site.environment.database
        if self.site.is_home:
            if settings.is_global:
                global_cluster = GlobalCluster(self, "GlobalDatabase", site=self.site)
            self.credentials = Credentials(self, "Credentials", site=self.site)
        self.database = MemberCluster(
            self,
            "Database",
            site=self.site,
            vpc=vpc,
            key=self.key,
            credentials=self.credentials,
            after=global_cluster,
        )
        if settings.backup_plan is not None:
            self.backup = DatabaseBackup(
                self, "Backup", site=self.site, key=self.key, plan=settings.backup_plan
            )

    def _datastore(self, home: GlobalDbStack | None) -> None:
        group_id = None
        if home is not None and home.global_datastore is not None:
            group_id = home.global_datastore.group_id
        self.datastore = DatastoreMember(
            self, "Datastore", site=self.site, cache=self.cache, key=self.key, global_group_id=group_id
        )
        if self.site.is_home:
            self.global_datastore = GlobalDatastore(
                self, "GlobalDatastore", site=self.site, primary=self.datastore
            )

    def _publish(self) -> None:
        """What ops and people look up: endpoints by name, in this region's parameter store."""
        values = {"cache-primary": self.cache.primary_host, "cache-secondary": self.cache.secondary_host}
        if self.database is not None:
            values["database-endpoint"] = self.database.endpoint
            values["database-reader-endpoint"] = self.database.reader_endpoint
        if self.datastore is not None:
            values["datastore-endpoint"] = self.datastore.host
        for name, value in sorted(values.items()):
            ssm.StringParameter(
                self,
                f"Parameter-{name}",
                parameter_name=self.site.names.parameter("global-db", name),
                string_value=value,
            )
