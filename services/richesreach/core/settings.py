"""Settings of a service: one frozen dataclass read from the environment (12-factor)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from richesreach.core.endpoints import (
    CacheLogin,
    DatabaseAddress,
    Endpoint,
    NeighbourAddress,
    Secret,
    ServiceClient,
    StreamAddress,
    UserPool,
)
from richesreach.core.environment_reader import Reader
from richesreach.core.limits.gcra import Tier
from richesreach.core.providers import enabled_providers

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
# Requests, seconds: without a key, with one, and of another service's task.
_TIERS = "anonymous=60/60,key=200/60,neighbour=600000/60"
# Where a load balancer or a neighbour calls from: private networks, loopback, shared and unique local
# addresses.
_PRIVATE = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8,100.64.0.0/10,::1/128,fc00::/7"
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


__all__ = [
    "CacheLogin",
    "DatabaseAddress",
    "Endpoint",
    "NeighbourAddress",
    "Secret",
    "ServiceClient",
    "Settings",
    "SettingsError",
    "StreamAddress",
    "UserPool",
]


class SettingsError(Exception):
    """The environment cannot configure the service. `problems` has one line a variable, in reading order."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the environment of this service is wrong: " + "; ".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    service_name: str
    service_version: str
    environment: str
    region: str
    home_region: str
    writer_region: str
    bind_address: str
    port: int
    log_level: str
    lake_bucket: str | None
    database_writer: DatabaseAddress
    database_reader: DatabaseAddress
    database_user: str
    database_password: Secret
    cache_primary: Endpoint
    cache_secondary: Endpoint
    cache_tls: bool
    cache_login: CacheLogin | None
    global_cache: Endpoint
    global_cache_writer: Endpoint
    global_cache_login: CacheLogin | None
    stream: StreamAddress | None
    providers: frozenset[str]
    token_issuer: str | None
    token_audience: tuple[str, ...]
    user_pool: UserPool | None
    service_client: ServiceClient | None
    neighbours: Mapping[str, NeighbourAddress]
    aws_endpoint: str | None
    database_connections: int
    own_writes_seconds: int
    cache_local_megabytes: int
    rate_limiting: bool
    rate_limit_tiers: Mapping[str, Tier]
    trusted_proxies: tuple[str, ...]
    proxies: int
    drain_seconds: int
    rpc_port: int
    traces_endpoint: str | None
    embedded_metrics: bool
    graphql_introspection: bool
    graphql_listed_only: bool

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read every variable; raises one SettingsError that names all that are missing or wrong."""
        read = Reader(environ)
        global_cache_port = read.port("GLOBAL_CACHE_PORT")
        settings = cls(
            service_name=read.match("SERVICE_NAME", _NAME, "a lower-case name with hyphens"),
            service_version=read.text("SERVICE_VERSION", default="unknown"),
            environment=read.match("ENVIRONMENT", _NAME, "a lower-case name with hyphens"),
            region=read.region("AWS_REGION"),
            home_region=read.region("HOME_REGION"),
            writer_region=read.region("WRITER_REGION"),
            bind_address=read.host("BIND_ADDRESS", default="0.0.0.0"),  # noqa: S104 (a container's own address)
            port=read.port("PORT"),
            log_level=read.choice("LOG_LEVEL", _LOG_LEVELS, default="INFO"),
            lake_bucket=read.text("S3_BUCKET", default="") or None,
            database_writer=read.database("DATABASE_WRITER_DSN"),
            database_reader=read.database("DATABASE_READER_DSN"),
            database_user=read.text("DATABASE_USER"),
            database_password=Secret(read.text("DATABASE_PASSWORD")),
            cache_primary=Endpoint(read.host("REDIS_PRIMARY_HOST"), read.port("REDIS_PRIMARY_PORT")),
            cache_secondary=Endpoint(read.host("REDIS_SECONDARY_HOST"), read.port("REDIS_SECONDARY_PORT")),
            cache_tls=read.choice("REDIS_TLS", ("TRUE", "FALSE")) == "TRUE",
            cache_login=read.login("REDIS_USERNAME", "REDIS_PASSWORD"),
            global_cache=Endpoint(read.host("GLOBAL_CACHE_HOST"), global_cache_port),
            global_cache_writer=Endpoint(read.host("GLOBAL_CACHE_WRITER_HOST"), global_cache_port),
            global_cache_login=read.login("GLOBAL_CACHE_USERNAME", "GLOBAL_CACHE_PASSWORD"),
            stream=read.stream("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_SECURITY"),
            providers=enabled_providers(environ),
            token_issuer=read.url("IDENTITY_ISSUER"),
            token_audience=read.together("IDENTITY_CLIENTS", "IDENTITY_ISSUER"),
            user_pool=read.user_pool("USER_POOL_ID", "USER_POOL_CLIENT_ID"),
            service_client=read.service_client(
                "SERVICE_CLIENT_ID", "SERVICE_CLIENT_SECRET", "IDENTITY_TOKEN_URL"
            ),
            neighbours=read.neighbours(),
            aws_endpoint=read.url("AWS_ENDPOINT_URL"),
            database_connections=read.number("DATABASE_MAX_CONNECTIONS", 1, 200, default=10),
            own_writes_seconds=read.number("READ_YOUR_WRITES_SECONDS", 0, 300, default=5),
            cache_local_megabytes=read.number("CACHE_LOCAL_MEGABYTES", 1, 1024, default=32),
            rate_limiting=read.flag("RATE_LIMITING", default=True),
            rate_limit_tiers=read.tiers("RATE_LIMIT_TIERS", default=_TIERS),
            trusted_proxies=read.networks("TRUSTED_PROXIES", default=_PRIVATE),
            proxies=read.number("PROXY_HOPS", 0, 10, default=2),
            rpc_port=read.number("RPC_PORT", 0, 65535, default=0),
            drain_seconds=read.number("DRAIN_SECONDS", 0, 8, default=5),
            traces_endpoint=read.url("OTEL_EXPORTER_OTLP_ENDPOINT"),
            embedded_metrics=read.flag("METRICS_EMF", default=False),
            graphql_introspection=read.flag(
                "GRAPHQL_INTROSPECTION", default=read.text("ENVIRONMENT", default="") != "prod"
            ),
            graphql_listed_only=read.flag("GRAPHQL_LISTED_ONLY", default=False),
        )
        if read.problems:
            raise SettingsError(read.problems)
        return settings
