"""A CloudFront distribution, as much of it as decides where a request goes and what it carries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ops.local.edge.cache_policy import CachePolicy
from ops.local.edge.origin import Origin, Target
from ops.local.edge.response_policy import ResponsePolicy
from ops.local.edge.selection import Forwarded
from ops.local.edge.wildcard import matches

LambdaEvent = Literal["viewer-request", "origin-request", "origin-response", "viewer-response"]


@dataclass(frozen=True)
class Function:
    """A CloudFront Function in stage LIVE and the KeyValueStore associated with it."""

    name: str
    code: str
    store: str | None


@dataclass(frozen=True)
class EdgeLambda:
    """A numbered version of a Lambda function in us-east-1 that runs at one event."""

    arn: str
    include_body: bool = False


@dataclass(frozen=True)
class ErrorPage:
    """A custom error response. `min_ttl` in seconds; without `path` the error is answered as it is."""

    min_ttl: float
    path: str = ""
    status: int = 0


@dataclass(frozen=True)
class Behaviour:
    """A cache behaviour; `policies` are the cache policy's key and the origin request policy."""

    pattern: str
    origin_id: str
    methods: frozenset[str]
    policies: tuple[Forwarded, ...]
    function: Function | None
    response_function: Function | None = None
    lambdas: Mapping[LambdaEvent, EdgeLambda] = field(default_factory=dict)
    cached_methods: frozenset[str] = frozenset(("GET", "HEAD"))
    cache: CachePolicy = field(default_factory=CachePolicy)
    response_policy: ResponsePolicy | None = None
    compress: bool = False

    def generated(self) -> frozenset[str]:
        """Lower-case names of the CloudFront-* headers that its policies ask for."""
        return frozenset(name for policy in self.policies for name in policy.generated)


@dataclass(frozen=True)
class OriginGroup:
    """A group of the distribution: members by id, the primary first, and the codes that fail over."""

    members: tuple[str, ...]
    codes: frozenset[int]


@dataclass(frozen=True)
class Distribution:
    """A distribution. `behaviours` are in order of precedence, the default last."""

    id: str
    domain: str
    aliases: frozenset[str]
    origins: Mapping[str, Origin]
    behaviours: tuple[Behaviour, ...]
    groups: Mapping[str, OriginGroup] = field(default_factory=dict)
    error_pages: Mapping[int, ErrorPage] = field(default_factory=dict)
    root_object: str = ""
    web_acl: str = ""

    def behaviour(self, path: str) -> Behaviour:
        """The first behaviour whose pattern fits the path, its dots resolved and its encoding kept."""
        resolved = _without_dots(path)
        for behaviour in self.behaviours:
            if matches("/" + behaviour.pattern.lstrip("/"), resolved):
                return behaviour
        return self.behaviours[-1]

    def target(self, origin_id: str) -> Target | None:
        """The origin or the origin group with this id; None when there is neither."""
        group = self.groups.get(origin_id)
        members = group.members if group else (origin_id,)
        origins = tuple(self.origins[member] for member in members if member in self.origins)
        return Target(origins, group.codes if group else frozenset()) if origins else None

    def chosen(self, target: Target | None, choice: Mapping[str, Any] | None) -> Target | None:
        """The target after a function's choice (the forms are in runtime.mjs); without one, `target`."""
        if choice is None:
            return target
        if "id" in choice:
            return self._overridden(choice)
        if "group" in choice:
            members = [self._overridden(member) for member in choice["group"]]
            origins = tuple(origin for member in members if member for origin in member.origins[:1])
            return Target(origins, frozenset(choice["codes"])) if origins else None
        return target.updated(choice["update"]) if target is not None else None

    def _overridden(self, choice: Mapping[str, Any]) -> Target | None:
        target = self.target(str(choice["id"]))
        return target.updated(choice.get("overrides") or {}) if target is not None else None


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
