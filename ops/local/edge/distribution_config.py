"""Reads distributions, their functions and policies from the local CloudFront."""

from collections.abc import Mapping
from typing import Any

from ops.local.aws import client
from ops.local.edge.distribution import (
    CLOUDFRONT_HEADER,
    Behaviour,
    Distribution,
    Forwarded,
    Function,
    Origin,
    Selection,
)

HOME = "us-east-1"

_KINDS: Mapping[str, Any] = {
    "none": "none",
    "whitelist": "some",
    "all": "all",
    "allExcept": "all-except",
    "allViewer": "all",
    "allViewerAndWhitelistCloudFront": "all",
}


def _items(block: Mapping[str, Any] | None) -> list[Any]:
    return list((block or {}).get("Items") or ())


def _selection(config: Mapping[str, Any], behavior: str, names: str) -> Selection:
    listed = frozenset(name.lower() for name in _items(config.get(names)))
    return Selection(_KINDS[config.get(behavior, "none")], listed)


def _forwarded(policy: Mapping[str, Any]) -> Forwarded:
    """From the part that cache policies and origin request policies have in common."""
    headers = _selection(policy.get("HeadersConfig", {}), "HeaderBehavior", "Headers")
    # A policy adds a CloudFront-* header only by its name; `allExcept` names what it leaves out.
    excluded = headers.kind == "all-except"
    generated = frozenset() if excluded else {n for n in headers.names if n.startswith(CLOUDFRONT_HEADER)}
    return Forwarded(
        headers=headers,
        cookies=_selection(policy.get("CookiesConfig", {}), "CookieBehavior", "Cookies"),
        query=_selection(policy.get("QueryStringsConfig", {}), "QueryStringBehavior", "QueryStrings"),
        generated=frozenset(generated),
    )


def _legacy(values: Mapping[str, Any]) -> Forwarded:
    """From the ForwardedValues of a behaviour without a cache policy."""
    headers = frozenset(name.lower() for name in _items(values.get("Headers")))
    cookies = values.get("Cookies", {})
    named = frozenset(name.lower() for name in _items(cookies.get("WhitelistedNames")))
    return Forwarded(
        headers=Selection("all") if "*" in headers else Selection("some", headers),
        cookies=Selection(_KINDS[cookies.get("Forward", "none")], named),
        query=Selection("all" if values.get("QueryString") else "none"),
        generated=frozenset(name for name in headers if name.startswith(CLOUDFRONT_HEADER)),
    )


class Reader:
    """One reading of everything; each function and policy is asked for once."""

    def __init__(self) -> None:
        self._api = client("cloudfront", HOME)
        self._functions: dict[str, Function] = {}
        self._policies: dict[str, Forwarded] = {}

    def read(self) -> tuple[Distribution, ...]:
        """All enabled distributions. Raises what boto3 raises when the local AWS is away."""
        summaries = _items(self._api.list_distributions().get("DistributionList"))
        return tuple(self._distribution(summary) for summary in summaries if summary.get("Enabled"))

    def _distribution(self, summary: Mapping[str, Any]) -> Distribution:
        config = self._api.get_distribution_config(Id=summary["Id"])["DistributionConfig"]
        behaviours = [self._behaviour(b["PathPattern"], b) for b in _items(config.get("CacheBehaviors"))]
        groups = {
            group["Id"]: tuple(member["OriginId"] for member in _items(group["Members"]))
            for group in _items(config.get("OriginGroups"))
        }
        return Distribution(
            id=summary["Id"],
            domain=summary["DomainName"].lower(),
            aliases=frozenset(alias.lower() for alias in _items(config.get("Aliases"))),
            origins={origin["Id"]: _origin(origin) for origin in _items(config["Origins"])},
            behaviours=(*behaviours, self._behaviour("*", config["DefaultCacheBehavior"])),
            groups=groups,
        )

    def _behaviour(self, pattern: str, config: Mapping[str, Any]) -> Behaviour:
        associations = _items(config.get("FunctionAssociations"))
        at_request = [a["FunctionARN"] for a in associations if a["EventType"] == "viewer-request"]
        return Behaviour(
            pattern=pattern,
            origin_id=config["TargetOriginId"],
            methods=frozenset(_items(config.get("AllowedMethods")) or ("GET", "HEAD")),
            policies=self._policies_of(config),
            function=self._function(at_request[0]) if at_request else None,
        )

    def _policies_of(self, config: Mapping[str, Any]) -> tuple[Forwarded, ...]:
        if not config.get("CachePolicyId"):
            return (_legacy(config.get("ForwardedValues", {})),)
        policies = [self._cache_policy(config["CachePolicyId"])]
        if config.get("OriginRequestPolicyId"):
            policies.append(self._origin_request_policy(config["OriginRequestPolicyId"]))
        return tuple(policies)

    def _cache_policy(self, policy_id: str) -> Forwarded:
        if policy_id not in self._policies:
            found = self._api.get_cache_policy(Id=policy_id)["CachePolicy"]["CachePolicyConfig"]
            parameters = found.get("ParametersInCacheKeyAndForwardedToOrigin", {})
            self._policies[policy_id] = _forwarded(parameters)
        return self._policies[policy_id]

    def _origin_request_policy(self, policy_id: str) -> Forwarded:
        if policy_id not in self._policies:
            found = self._api.get_origin_request_policy(Id=policy_id)["OriginRequestPolicy"]
            self._policies[policy_id] = _forwarded(found["OriginRequestPolicyConfig"])
        return self._policies[policy_id]

    def _function(self, arn: str) -> Function:
        name = arn.rsplit("/", 1)[-1]
        if name not in self._functions:
            summary = self._api.describe_function(Name=name, Stage="LIVE")["FunctionSummary"]
            stores = _items(summary["FunctionConfig"].get("KeyValueStoreAssociations"))
            code = self._api.get_function(Name=name, Stage="LIVE")["FunctionCode"].read().decode()
            store = stores[0]["KeyValueStoreARN"] if stores else None
            self._functions[name] = Function(name, code, store)
        return self._functions[name]


def _origin(config: Mapping[str, Any]) -> Origin:
    custom = config.get("CustomOriginConfig")
    headers = _items(config.get("CustomHeaders"))
    return Origin(
        id=config["Id"],
        domain=config["DomainName"].lower().rstrip("."),
        path=config.get("OriginPath", ""),
        custom=custom is not None,
        protocol=(custom or {}).get("OriginProtocolPolicy", "http-only"),
        http_port=int((custom or {}).get("HTTPPort", 80)),
        https_port=int((custom or {}).get("HTTPSPort", 443)),
        attempts=int(config.get("ConnectionAttempts", 3)),
        connect_timeout=float(config.get("ConnectionTimeout", 10)),
        read_timeout=float((custom or {}).get("OriginReadTimeout", 30)),
        headers=tuple((header["HeaderName"], header["HeaderValue"]) for header in headers),
    )


def read() -> tuple[Distribution, ...]:
    """All enabled distributions of the local CloudFront."""
    return Reader().read()
