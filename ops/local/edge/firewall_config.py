"""Reads web ACLs and the sets that they name from the local WAF."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.local.aws import client

HOME = "us-east-1"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Rate:
    """A rate-based statement; `window` in seconds."""

    limit: int
    window: float
    aggregate: str
    scope: Mapping[str, Any]

    @property
    def decidable(self) -> bool:
        """False for keys other than the viewer's address or all requests together."""
        return self.aggregate in {"IP", "CONSTANT"}


@dataclass(frozen=True)
class AclRule:
    """A rule of a web ACL. `action` is in lower case; `undecidable` names what this machine lacks for it."""

    name: str
    priority: int
    statement: Mapping[str, Any]
    action: str
    block: Mapping[str, Any]
    labels: frozenset[str]
    rate: Rate | None
    undecidable: str


@dataclass(frozen=True)
class WebAcl:
    """A web ACL; rules in order of priority. `bodies` are its custom response bodies."""

    name: str
    rules: tuple[AclRule, ...]
    blocks_by_default: bool
    default_block: Mapping[str, Any]
    bodies: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Sets:
    """IP sets and regex pattern sets by ARN. `lenient` answers for unknown ones too, with nothing."""

    addresses: Mapping[str, tuple[Network, ...]] = field(default_factory=dict)
    regexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lenient: bool = False

    def networks(self, arn: str) -> tuple[Network, ...]:
        """The networks of an IP set; one that is gone has none."""
        return self.addresses.get(arn, ())

    def patterns(self, arn: str) -> tuple[str, ...]:
        """The expressions of a regex pattern set; one that is gone has none."""
        return self.regexes.get(arn, ())


Firewalls = tuple[Mapping[str, WebAcl], Sets]


def read(arns: frozenset[str]) -> Firewalls:
    """The web ACLs with these ARNs and every set of CloudFront's scope. Raises what boto3 raises."""
    if not arns:
        return {}, Sets()
    waf = client("wafv2", HOME)
    acls = {}
    for arn in sorted(arns):
        name, acl_id = arn.split("/")[-2:]
        acls[arn] = acl_from(waf.get_web_acl(Name=name, Id=acl_id, Scope="CLOUDFRONT")["WebACL"])
    addresses: dict[str, tuple[Network, ...]] = {}
    for each in waf.list_ip_sets(Scope="CLOUDFRONT")["IPSets"]:
        found = waf.get_ip_set(Name=each["Name"], Id=each["Id"], Scope="CLOUDFRONT")["IPSet"]
        addresses[each["ARN"]] = tuple(ipaddress.ip_network(text) for text in found["Addresses"])
    regexes: dict[str, tuple[str, ...]] = {}
    for each in waf.list_regex_pattern_sets(Scope="CLOUDFRONT")["RegexPatternSets"]:
        found = waf.get_regex_pattern_set(Name=each["Name"], Id=each["Id"], Scope="CLOUDFRONT")
        expressions = found["RegexPatternSet"]["RegularExpressionList"]
        regexes[each["ARN"]] = tuple(entry["RegexString"] for entry in expressions)
    return acls, Sets(addresses, regexes)


def acl_from(described: Mapping[str, Any]) -> WebAcl:
    """A web ACL from its API description."""
    default = described.get("DefaultAction", {})
    rules = [_rule(rule) for rule in described.get("Rules", ())]
    return WebAcl(
        name=described["Name"],
        rules=tuple(sorted(rules, key=lambda rule: rule.priority)),
        blocks_by_default="Block" in default,
        default_block=default.get("Block") or {},
        bodies=described.get("CustomResponseBodies", {}),
    )


def _rule(described: Mapping[str, Any]) -> AclRule:
    from ops.local.edge.firewall_statements import undecidable  # noqa: PLC0415 - statements look at sets

    statement = described["Statement"]
    rated = statement.get("RateBasedStatement")
    rate = _rate(rated) if rated else None
    kind, block = next(iter(described.get("Action", {"None": {}}).items()))
    lacks = undecidable(statement)
    if rate is not None and not rate.decidable:
        lacks = f"RateBasedStatement by {rate.aggregate}"
    if kind in {"Captcha", "Challenge"}:
        lacks = f"the action {kind}"
    return AclRule(
        name=described["Name"],
        priority=int(described["Priority"]),
        statement=statement,
        action=kind.lower(),
        block=block or {},
        labels=frozenset(label["Name"] for label in described.get("RuleLabels", ())),
        rate=rate,
        undecidable=lacks,
    )


def _rate(rated: Mapping[str, Any]) -> Rate:
    return Rate(
        limit=int(rated["Limit"]),
        window=float(rated.get("EvaluationWindowSec", 300)),
        aggregate=str(rated.get("AggregateKeyType", "IP")),
        scope=rated.get("ScopeDownStatement") or {},
    )
