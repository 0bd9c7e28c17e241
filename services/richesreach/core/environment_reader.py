"""Reads environment variables, and collects all that is wrong with them."""

import re
from collections.abc import Mapping
from ipaddress import ip_network

from richesreach.core.endpoints import (
    HOST,
    CacheLogin,
    DatabaseAddress,
    NeighbourAddress,
    Secret,
    ServiceClient,
    StreamAddress,
    UserPool,
)
from richesreach.core.limits.gcra import Tier

REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_POOL = re.compile(r"[a-z]{2}(-[a-z]+)+-\d_[0-9A-Za-z]{1,44}")
_TIER = re.compile(r"([a-z][a-z0-9-]{0,31})=(\d{1,7})/(\d{1,6})(?:/(\d{1,7}))?", re.ASCII)
_NEIGHBOUR = re.compile(r"NEIGHBOUR_([A-Z][A-Z0-9_]*)_(HTTP|GRPC)")
_PLACE = re.compile(rf"(?:{HOST.pattern}):\d{{1,5}}")
_URL = re.compile(r"https?://[^\s@/]+(/[^\s@]*)?")


class Reader:
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
        return self.match(name, REGION, "an AWS region such as us-east-1")

    def host(self, name: str, *, default: str | None = None) -> str:
        return self.match(name, HOST, "a host name or an IPv4 address", default=default)

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

    def stream(self, servers: str, security: str) -> StreamAddress | None:
        """None where neither is set: the service has no need of the stream."""
        given = {name: self.text(name, default="") for name in (servers, security)}
        missing = [name for name, value in given.items() if not value]
        if len(missing) == 1:
            (other,) = given.keys() - missing
            self.problems.append(f"{missing[0]} is missing beside {other}: set both, or neither")
        if missing:
            return None
        kind = self.choice(security, ("IAM", "PLAINTEXT"))
        try:
            return StreamAddress.parse(given[servers], "plaintext" if kind == "PLAINTEXT" else "iam")
        except ValueError as error:
            self.problems.append(f"{servers} is no list of brokers: {error}")
        return None

    def number(self, name: str, least: int, most: int, *, default: int) -> int:
        value = self.text(name, default=str(default))
        if value.isascii() and value.isdigit() and len(value) <= 9 and least <= int(value) <= most:
            return int(value)
        self.problems.append(f"{name} must be a number from {least} to {most}, not {value[:80]!r}")
        return default

    def flag(self, name: str, *, default: bool) -> bool:
        return self.choice(name, ("TRUE", "FALSE"), default=str(default)) == "TRUE"

    def url(self, name: str) -> str | None:
        """An http(s) URL without credentials; None where there is none."""
        value = self.text(name, default="")
        if value and not _URL.fullmatch(value):
            self.problems.append(f"{name} must be a http:// or https:// URL without credentials")
        return value or None

    def together(self, name: str, other: str) -> tuple[str, ...]:
        """Words with spaces between, which are there where `other` is, and only there."""
        words = tuple(self.text(name, default="").split())
        beside = bool(self.text(other, default=""))
        if beside != bool(words):
            missing, given = (name, other) if beside else (other, name)
            self.problems.append(f"{missing} is missing beside {given}: set both, or neither")
        return words

    def user_pool(self, pool: str, client: str) -> UserPool | None:
        """None where neither is set."""
        clients = self.together(client, pool)
        found = self.match(pool, _POOL, "a user pool's id such as us-east-1_AbCdEfGhI", default="")
        return UserPool(found, clients[0]) if found and clients else None

    def service_client(self, client: str, secret: str, url: str) -> ServiceClient | None:
        """None where none of them is set: the service calls nobody."""
        given = {name: self.text(name, default="") for name in (client, secret, url)}
        missing = [name for name, value in given.items() if not value]
        if 0 < len(missing) < len(given):
            others = " and ".join(name for name in given if name not in missing)
            self.problems.append(f"{' and '.join(missing)} missing beside {others}: set all, or none")
        where = self.url(url)
        return None if missing or not where else ServiceClient(given[client], Secret(given[secret]), where)

    def neighbours(self) -> Mapping[str, NeighbourAddress]:
        """By name, as its manifest has it: of NEIGHBOUR_<NAME>_HTTP, a URL, and NEIGHBOUR_<NAME>_GRPC."""
        named = {name: match for name in self._environ if (match := _NEIGHBOUR.fullmatch(name))}
        found: dict[str, NeighbourAddress] = {}
        for variable, match in sorted(named.items()):
            http, rpc = (f"NEIGHBOUR_{match[1]}_{kind}" for kind in ("HTTP", "GRPC"))
            if http not in named:
                self.problems.append(f"{http} is missing beside {variable}: set it")
                continue
            url = self.url(http)
            place = self.match(rpc, _PLACE, "a host name and a port such as gateway-grpc:9000", default="")
            if url:
                found[match[1].lower().replace("_", "-")] = NeighbourAddress(url, place or None)
        return found

    def networks(self, name: str, *, default: str) -> tuple[str, ...]:
        found = tuple(item.strip() for item in self.text(name, default=default).split(","))
        for item in found:
            try:
                ip_network(item)
            except ValueError:
                self.problems.append(f"{name} must be networks such as 10.0.0.0/8, not {item[:80]!r}")
        return found

    def tiers(self, name: str, *, default: str) -> Mapping[str, Tier]:
        """`name=quota/seconds/burst`, commas between; without a burst, the whole quota may come at once."""
        found: dict[str, Tier] = {}
        for item in self.text(name, default=default).split(","):
            match = _TIER.fullmatch(item.strip())
            quota, seconds, burst = (int(part or 0) for part in match.groups()[1:]) if match else (0, 0, 0)
            if match is None or not quota or not seconds or match[4] == "0":
                meaning = "tiers such as anonymous=60/60 or key=200/60/50 (quota, seconds, burst)"
                self.problems.append(f"{name} must be {meaning}, not {item.strip()[:80]!r}")
                continue
            found[match[1]] = Tier(match[1], quota, seconds, burst or quota)
        for wanted in ("anonymous", "key"):
            if wanted not in found and not any(problem.startswith(f"{name} ") for problem in self.problems):
                self.problems.append(f"{name} must name the tier {wanted}, as in {wanted}=60/60")
        return found
