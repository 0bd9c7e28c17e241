"""Settings of a service: one frozen dataclass read from the environment (12-factor)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, urlsplit

from richesreach.core.providers import enabled_providers

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_SESSION_ATTRIBUTES = ("any", "primary", "standby", "read-write", "read-only")


class SettingsError(Exception):
    """The environment cannot configure the service. `problems` has one line a variable, in reading order."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the environment of this service is wrong: " + "; ".join(problems))


class Secret:
    """A value that no repr, log line or error shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's host name or IPv4 address, and its port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class CacheLogin:
    """Name and password of a cache's user."""

    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """A multi-host Postgres address without credentials; hosts are in order of preference."""

    hosts: tuple[Endpoint, ...]
    database: str
    session_attributes: str
    query: str

    @classmethod
    def parse(cls, dsn: str) -> Self:
        """Read `postgresql://h1:5432,h2:5432/name?target_session_attrs=…`.

        Raises ValueError, whose text never repeats the DSN: one with credentials may have been given.
        """
        parts = urlsplit(dsn)
        if parts.scheme != "postgresql":
            raise ValueError("must begin with postgresql://")
        if "@" in parts.netloc:
            raise ValueError("must not hold credentials; give them as DATABASE_USER and DATABASE_PASSWORD")
        hosts = tuple(_endpoint(item) for item in parts.netloc.split(","))
        database = parts.path.removeprefix("/")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", database):
            raise ValueError(
                "must name one database after the hosts, as in postgresql://host:5432/richesreach"
            )
        attributes = parse_qs(parts.query).get("target_session_attrs", ["any"])[-1]
        if attributes not in _SESSION_ATTRIBUTES:
            raise ValueError(f"target_session_attrs must be one of {', '.join(_SESSION_ATTRIBUTES)}")
        return cls(hosts, database, attributes, parts.query)

    def single_host(self, host: Endpoint) -> str:
        """The DSN of one of the hosts, with the same options."""
        return f"postgresql://{host}/{self.database}?{self.query}"


def _endpoint(text: str) -> Endpoint:
    host, _, port = text.partition(":")
    if not _HOST.fullmatch(host):
        raise ValueError("every host must be a host name or an IPv4 address")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"host {host} needs a port from 1 to 65535, as in {host}:5432")
    return Endpoint(host, int(port))


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
    providers: frozenset[str]

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read every variable; raises one SettingsError that names all that are missing or wrong."""
        read = _Reader(environ)
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
            providers=enabled_providers(environ),
        )
        if read.problems:
            raise SettingsError(read.problems)
        return settings


class _Reader:
    """Reads variables and collects what is wrong with them; a wrong one yields a harmless placeholder."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, name: str, *, default: str | None = None) -> str:
        value = self._environ.get(name, "").strip()
        if value:
            return value
        if default is None:
            self.problems.append(f"{name} is missing: set it")
        return default or ""

    def match(self, name: str, pattern: re.Pattern[str], meaning: str, *, default: str | None = None) -> str:
        value = self.text(name, default=default)
        if value and not pattern.fullmatch(value):
            self.problems.append(f"{name} must be {meaning}, not {value[:80]!r}")
        return value

    def region(self, name: str) -> str:
        return self.match(name, _REGION, "an AWS region such as us-east-1")

    def host(self, name: str, *, default: str | None = None) -> str:
        return self.match(name, _HOST, "a host name or an IPv4 address", default=default)

    def choice(self, name: str, allowed: tuple[str, ...], *, default: str | None = None) -> str:
        value = self.text(name, default=default).upper()
        if value and value not in allowed:
            self.problems.append(f"{name} must be one of {', '.join(allowed)}, not {value[:80]!r}")
        return value

    def port(self, name: str) -> int:
        value = self.text(name)
        if value.isascii() and value.isdigit() and len(value) <= 5 and 0 < int(value) < 65536:
            return int(value)
        if value:
            self.problems.append(f"{name} must be a port from 1 to 65535, not {value[:80]!r}")
        return 0

    def login(self, user: str, password: str) -> CacheLogin | None:
        """None where neither is set: a cache without users admits everybody."""
        given = {name: self.text(name, default="") for name in (user, password)}
        missing = [name for name, value in given.items() if not value]
        if len(missing) == 1:
            (other,) = given.keys() - missing
            self.problems.append(f"{missing[0]} is missing beside {other}: set both, or neither")
        return None if missing else CacheLogin(given[user], Secret(given[password]))

    def database(self, name: str) -> DatabaseAddress:
        value = self.text(name)
        try:
            return DatabaseAddress.parse(value)
        except ValueError as error:
            if value:
                self.problems.append(f"{name} {error}")
        return DatabaseAddress((), "", "any", "")
