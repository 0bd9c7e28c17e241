"""Listener rules of an Application Load Balancer: which action a request gets.

Source: "Listener rules for your Application Load Balancer"; ELBv2 API reference, RuleCondition and Action.
"""

import ipaddress
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from multidict import CIMultiDict

from ops.local.edge.wildcard import matches

Condition = Mapping[str, Any]
Action = Mapping[str, Any]


class NoRuleError(LookupError):
    """A listener without a default rule: the configuration is still being written."""


@dataclass(frozen=True)
class Incoming:
    """What rule conditions look at. `path` and `query` are as they came, not decoded."""

    method: str
    host: str
    path: str
    query: str
    source: str
    headers: CIMultiDict[str]


@dataclass(frozen=True)
class Rule:
    """A rule as elbv2 DescribeRules gives it; the default rule has no conditions and the lowest priority."""

    priority: int
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]


DEFAULT_PRIORITY = 1 << 30


def rule_from(description: Mapping[str, Any]) -> Rule:
    """A rule from its API description."""
    text = str(description.get("Priority", "default"))
    return Rule(
        priority=int(text) if text.isdigit() else DEFAULT_PRIORITY,
        conditions=tuple(description.get("Conditions", ())),
        actions=tuple(sorted(description.get("Actions", ()), key=lambda action: action.get("Order", 0))),
    )


def _values(condition: Condition, config: str) -> list[Any]:
    """Values in whichever of the two places of the API they are."""
    return list(condition.get(config, {}).get("Values") or condition.get("Values") or ())


def _query_matches(wanted: Mapping[str, str], query: str) -> bool:
    pairs = parse_qsl(query, keep_blank_values=True)
    return any(
        ("Key" not in wanted or matches(wanted["Key"], key, fold=True))
        and matches(wanted.get("Value", "*"), value, fold=True)
        for key, value in pairs
    )


def _path_holds(condition: Condition, request: Incoming) -> bool:
    return any(matches(value, request.path) for value in _values(condition, "PathPatternConfig"))


def _host_holds(condition: Condition, request: Incoming) -> bool:
    host = request.host.rsplit(":", 1)[0]
    return any(matches(value, host, fold=True) for value in _values(condition, "HostHeaderConfig"))


def _method_holds(condition: Condition, request: Incoming) -> bool:
    return request.method in _values(condition, "HttpRequestMethodConfig")


def _header_holds(condition: Condition, request: Incoming) -> bool:
    config = condition.get("HttpHeaderConfig", {})
    given = request.headers.getall(config.get("HttpHeaderName", ""), [])
    return any(matches(value, text, fold=True) for value in config.get("Values", ()) for text in given)


def _query_holds(condition: Condition, request: Incoming) -> bool:
    wanted = condition.get("QueryStringConfig", {}).get("Values", ())
    return any(_query_matches(pair, request.query) for pair in wanted)


def _source_holds(condition: Condition, request: Incoming) -> bool:
    source = ipaddress.ip_address(request.source)
    networks = _values(condition, "SourceIpConfig")
    return any(source in ipaddress.ip_network(value, strict=False) for value in networks)


_FIELDS: dict[str, Callable[[Condition, Incoming], bool]] = {
    "path-pattern": _path_holds,
    "host-header": _host_holds,
    "http-request-method": _method_holds,
    "http-header": _header_holds,
    "query-string": _query_holds,
    "source-ip": _source_holds,
}


def holds(condition: Condition, request: Incoming) -> bool:
    """True when one of the condition's values fits the request. An unknown field never does."""
    field = _FIELDS.get(str(condition.get("Field")))
    return field is not None and field(condition, request)


def choose(rules: Sequence[Rule], request: Incoming) -> Rule:
    """The first rule in priority order whose conditions all hold. Raises NoRuleError."""
    for rule in sorted(rules, key=lambda rule: rule.priority):
        if all(holds(condition, request) for condition in rule.conditions):
            return rule
    raise NoRuleError("no rule matches and the listener has no default action")


def target_group(action: Action, draw: float | None = None) -> str:
    """ARN of the group a forward action sends to; `draw` in [0, 1) decides between weighted groups."""
    groups = action.get("ForwardConfig", {}).get("TargetGroups") or ()
    if not groups:
        return str(action.get("TargetGroupArn", ""))
    total = sum(int(group.get("Weight", 1)) for group in groups)
    point = (random.random() if draw is None else draw) * total  # noqa: S311 - spreads load, guards nothing
    for group in groups:
        point -= int(group.get("Weight", 1))
        if point < 0:
            return str(group["TargetGroupArn"])
    return str(groups[-1]["TargetGroupArn"])


def redirect_url(config: Mapping[str, str], request: Incoming, protocol: str, port: int) -> str:
    """Where a redirect action points, its #{placeholders} replaced by parts of the request."""
    parts = {
        "#{protocol}": protocol,
        "#{host}": request.host.rsplit(":", 1)[0],
        "#{port}": str(port),
        "#{path}": request.path.lstrip("/"),
        "#{query}": request.query,
    }

    def filled(key: str, default: str) -> str:
        text = config.get(key) or default
        for placeholder, value in parts.items():
            text = text.replace(placeholder, value)
        return text

    scheme = filled("Protocol", "#{protocol}").lower()
    number = filled("Port", "#{port}")
    query = filled("Query", "#{query}")
    standard = {"http": "80", "https": "443"}.get(scheme)
    place = filled("Host", "#{host}") + ("" if number == standard else f":{number}")
    return f"{scheme}://{place}{filled('Path', '/#{path}')}" + (f"?{query}" if query else "")
