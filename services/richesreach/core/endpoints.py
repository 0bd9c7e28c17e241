"""Places and secrets that settings hold."""

import re
from dataclasses import dataclass
from typing import Literal, Self
from urllib.parse import parse_qs, urlsplit

HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_SESSION_ATTRIBUTES = ("any", "primary", "standby", "read-write", "read-only")


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
class StreamAddress:
    """Brokers to begin with; they name the others. `plaintext` is for brokers of one's own machine."""

    servers: tuple[Endpoint, ...]
    security: Literal["iam", "plaintext"]

    @classmethod
    def parse(cls, servers: str, security: Literal["iam", "plaintext"]) -> Self:
        """Read `b-1:9098,b-2:9098`; raises ValueError."""
        return cls(tuple(_endpoint(item.strip()) for item in servers.split(",")), security)


@dataclass(frozen=True, slots=True)
class CacheLogin:
    """Name and password of a cache's user."""

    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class UserPool:
    """A Cognito user pool, and the client that people sign in to."""

    id: str
    client: str

    @property
    def region(self) -> str:
        """The pool's id begins with it."""
        return self.id.partition("_")[0]


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """As whom the services show themselves to each other: a machine's client of the user pool."""

    id: str
    secret: Secret
    token_url: str


@dataclass(frozen=True, slots=True)
class NeighbourAddress:
    """Where a neighbour is; `rpc` is `host:port` of its contracts, None where it serves none."""

    url: str
    rpc: str | None


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
    if not HOST.fullmatch(host):
        raise ValueError("every host must be a host name or an IPv4 address")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"host {host} needs a port from 1 to 65535, as in {host}:5432")
    return Endpoint(host, int(port))
