"""What a task finds in its environment: endpoints from what the stacks built, secrets by reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.base import Site
from stacks.calls import variables
from stacks.ecs.callers import UserPool
from stacks.global_db.database import DATABASE_NAME, MemberCluster
from stacks.global_db.stack import GlobalDbStack
from stacks.global_db.users import APP, secret_name, shared_store
from stacks.manifest import Manifest
from stacks.naming import SERVICE_CLIENT
from stacks.streaming.stack import StreamingStack


@dataclass(frozen=True)
class Sources:
    """What other areas give to tasks: the global-db stack of every region, the user pool, the stream.

    ``stream`` is None in an environment without one: services then say so, and go on without.
    """

    databases: Mapping[str, GlobalDbStack]
    user_pool: UserPool
    stream: StreamingStack | None


class TaskVariables(Construct):
    """Variables and secrets of a region's tasks, by what a manifest needs and nothing more."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        sources: Sources,
        manifests: Sequence[Manifest],
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.databases = sources.databases
        self.user_pool = sources.user_pool
        self.stream = sources.stream
        self.neighbours = {each.name: variables(each.name, each.port, each.grpc) for each in manifests}
        self.secrets_key = sources.databases[site.region].secrets_key
        self._secrets: dict[str, secretsmanager.ISecret] = {}

    def plain(self, manifest: Manifest) -> dict[str, str]:
        environment = self.site.environment
        values = {
            "SERVICE_NAME": manifest.name,
            "ENVIRONMENT": environment.name,
            "AWS_REGION": self.site.region,
            "HOME_REGION": environment.home_region,
            "WRITER_REGION": environment.writer_region,
            "PORT": str(manifest.port),
            "LOG_LEVEL": environment.services.log_level,
            "S3_BUCKET": self.site.names.lake_bucket(self.site.account, self.site.region),
            **self.user_pool.variables(manifest),
        }
        if manifest.grpc:
            values["RPC_PORT"] = str(manifest.grpc)
        for name in manifest.calls:
            values |= self.neighbours[name]
        providers = {
            "database": self._database,
            "cache": self._cache,
            "global-cache": self._datastore,
            "stream": self._stream,
        }
        for need in manifest.needs:
            if need in providers:
                values |= providers[need]()
        return values

    def secrets(self, manifest: Manifest) -> dict[str, ecs.Secret]:
        needed = {
            "database": ("DATABASE_USER", "DATABASE_PASSWORD", "database"),
            "cache": ("REDIS_USERNAME", "REDIS_PASSWORD", secret_name("cache", APP)),
            "global-cache": (
                "GLOBAL_CACHE_USERNAME",
                "GLOBAL_CACHE_PASSWORD",
                secret_name(shared_store(self.site.environment), APP),
            ),
        }
        values: dict[str, ecs.Secret] = {}
        for need, (user, password, name) in needed.items():
            if need in manifest.needs:
                values[user] = ecs.Secret.from_secrets_manager(self._own(name), "username")
                values[password] = ecs.Secret.from_secrets_manager(self._own(name), "password")
        if manifest.calls:
            client = self._own(SERVICE_CLIENT)
            for key in ("client_id", "client_secret"):
                values[f"SERVICE_{key.upper()}"] = ecs.Secret.from_secrets_manager(client, key)
        for name in manifest.secret_names:
            values[_variable(name)] = ecs.Secret.from_secrets_manager(self._own(name))
        return values

    def _own(self, name: str) -> secretsmanager.ISecret:
        """A secret of the environment, in the region's own replica; one construct however many read it."""
        if name not in self._secrets:
            self._secrets[name] = secretsmanager.Secret.from_secret_name_v2(
                self, f"Secret-{name}".replace("/", "-"), self.site.names.secret(name)
            )
        return self._secrets[name]

    def _database(self) -> dict[str, str]:
        """The endpoint of every member that may be the writer, today's first; readers from the nearest on.

        Where a promotion moved the writer, ``target_session_attrs`` finds it without a deploy.
        """
        environment = self.site.environment
        members = environment.promotable_regions
        writers = sorted(members, key=lambda region: region != environment.writer_region)
        near = environment.nearest_data_region(self.site.region)
        readers = [near, *(region for region in members if region != near)]
        return {
            "DATABASE_WRITER_DSN": self._dsn(
                [self._member(region).endpoint for region in writers], "read-write"
            ),
            "DATABASE_READER_DSN": self._dsn(
                [self._member(region).reader_endpoint for region in readers], "any"
            ),
        }

    def _member(self, region: str) -> MemberCluster:
        database = self.databases[region].database
        if database is None:
            raise LookupError(f"{region} is no data region")
        return database

    def _dsn(self, hosts: list[str], session: str) -> str:
        settings = self.site.environment.database
        places = ",".join(f"{host}:{settings.port}" for host in hosts)
        tls = "verify-full&sslrootcert=/etc/ssl/certs/rds-global-bundle.pem" if settings.tls else "disable"
        return f"postgresql://{places}/{DATABASE_NAME}?target_session_attrs={session}&sslmode={tls}"

    def _cache(self) -> dict[str, str]:
        cache = self.databases[self.site.region].cache
        settings = self.site.environment.cache
        return {
            "REDIS_PRIMARY_HOST": cache.primary_host,
            "REDIS_PRIMARY_PORT": str(settings.port),
            "REDIS_SECONDARY_HOST": cache.secondary_host,
            "REDIS_SECONDARY_PORT": str(settings.port),
            "REDIS_TLS": str(settings.tls).lower(),
        }

    def _datastore(self) -> dict[str, str]:
        """The nearest member and the writer's; where there is no datastore the region's own cache is both."""
        environment = self.site.environment
        near = writer = self.databases[self.site.region].cache.primary_host
        if environment.datastore_regions:
            near = self._store(environment.nearest_datastore_region(self.site.region))
            writer = self._store(environment.nearest_datastore_region(environment.writer_region))
        return {
            "GLOBAL_CACHE_HOST": near,
            "GLOBAL_CACHE_PORT": str(environment.cache.port),
            "GLOBAL_CACHE_WRITER_HOST": writer,
        }

    def _stream(self) -> dict[str, str]:
        if self.stream is None:
            return {}
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.stream.brokers,
            "KAFKA_SECURITY": self.stream.settings.security,
            # Whoever could make bars and indicators knows whether another does.
            "STREAM_JOB": self.stream.settings.job,
        }

    def _store(self, region: str) -> str:
        datastore = self.databases[region].datastore
        if datastore is None:
            raise LookupError(f"{region} holds no member of the datastore")
        return datastore.host


def _variable(secret: str) -> str:
    """``providers/polygon`` → ``SECRET_PROVIDERS_POLYGON``."""
    return "SECRET_" + secret.upper().replace("/", "_").replace("-", "_")
