"""A CloudFront distribution, as much of it as decides where a request goes and what it carries."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ops.local.edge.wildcard import matches

CLOUDFRONT_HEADER = "cloudfront-"


@dataclass(frozen=True)
class Selection:
    """Which headers, cookies or query keys pass; names are compared without case."""

    kind: Literal["none", "some", "all", "all-except"] = "none"
    names: frozenset[str] = frozenset()

    def admits(self, name: str) -> bool:
        """True when `name` passes."""
        match self.kind:
            case "none":
                return False
            case "all":
                return True
            case "some":
                return name.lower() in self.names
            case "all-except":
                return name.lower() not in self.names


@dataclass(frozen=True)
class Forwarded:
    """What one policy lets through to the origin. `generated` are CloudFront-* headers it asks for."""

    headers: Selection = Selection()
    cookies: Selection = Selection()
    query: Selection = Selection()
    generated: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Function:
    """A CloudFront Function in stage LIVE and the KeyValueStore associated with it."""

    name: str
    code: str
    store: str | None


@dataclass(frozen=True)
class Origin:
    """An origin; times in seconds. `custom` is false for S3, which has no address here yet."""

    id: str
    domain: str
    path: str = ""
    custom: bool = True
    protocol: str = "http-only"
    http_port: int = 80
    https_port: int = 443
    attempts: int = 3
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    headers: tuple[tuple[str, str], ...] = ()
    host: str = ""

    def updated(self, changes: Mapping[str, Any]) -> "Origin":
        """This origin after `cf.updateRequestOrigin(changes)`; what is not named stays."""
        timeouts = changes.get("timeouts", {})
        config = changes.get("customOriginConfig", {})
        port = config.get("port")
        named = {
            "domain": changes.get("domainName"),
            "path": changes.get("originPath"),
            "host": changes.get("hostHeader"),
            "attempts": changes.get("connectionAttempts"),
            "connect_timeout": timeouts.get("connectionTimeout"),
            "read_timeout": timeouts.get("readTimeout"),
            "http_port": port,
            "https_port": port,
            "protocol": f"{config['protocol']}-only" if "protocol" in config else None,
            "headers": tuple(changes["customHeaders"].items()) if "customHeaders" in changes else None,
            "custom": True if config else None,
        }
        return replace(self, **{key: value for key, value in named.items() if value is not None})


@dataclass(frozen=True)
class Behaviour:
    """A cache behaviour; `policies` are the cache policy and the origin request policy."""

    pattern: str
    origin_id: str
    methods: frozenset[str]
    policies: tuple[Forwarded, ...]
    function: Function | None

    def generated(self) -> frozenset[str]:
        """Lower-case names of the CloudFront-* headers that its policies ask for."""
        return frozenset(name for policy in self.policies for name in policy.generated)


@dataclass(frozen=True)
class Distribution:
    """A distribution. `behaviours` are in order of precedence, the default last; `groups` name members."""

    id: str
    domain: str
    aliases: frozenset[str]
    origins: Mapping[str, Origin]
    behaviours: tuple[Behaviour, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def behaviour(self, path: str) -> Behaviour:
        """The first behaviour whose pattern fits the path, its dots resolved and its encoding kept."""
        resolved = _without_dots(path)
        for behaviour in self.behaviours:
            if matches("/" + behaviour.pattern.lstrip("/"), resolved):
                return behaviour
        return self.behaviours[-1]

    def origin(self, origin_id: str) -> Origin | None:
        """The origin with this id; of a group its primary, with which CloudFront begins."""
        members = self.groups.get(origin_id)
        return self.origins.get(members[0] if members else origin_id)


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    trailing = segments and segments[-1] in {".", ".."}
    return "/" + "/".join(kept) + ("/" if trailing and kept else "")


def pick(distributions: tuple[Distribution, ...], host: str) -> Distribution | None:
    """The distribution that answers to `host`; for any other name, such as localhost, the first."""
    name = host.rsplit(":", 1)[0].lower()
    for distribution in distributions:
        if name == distribution.domain or name in distribution.aliases:
            return distribution
    return distributions[0] if distributions else None
