"""Reads distributions, their functions and policies from the local CloudFront."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from ops.local.aws import client
from ops.local.edge.cache_policy import DEFAULT_ERROR_TTL, CachePolicy
from ops.local.edge.distribution import (
    Behaviour,
    Distribution,
    EdgeLambda,
    ErrorPage,
    Function,
    LambdaEvent,
    OriginGroup,
)
from ops.local.edge.origin import Origin
from ops.local.edge.response_policy import ResponsePolicy
from ops.local.edge.response_policy_config import policy_from
from ops.local.edge.selection import CLOUDFRONT_HEADER, Forwarded, Selection

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
        self._caches: dict[str, CachePolicy] = {}
        self._requests: dict[str, Forwarded] = {}
        self._responses: dict[str, ResponsePolicy] = {}

    def read(self) -> tuple[Distribution, ...]:
        """All enabled distributions. Raises what boto3 raises when the local AWS is away."""
        summaries = _items(self._api.list_distributions().get("DistributionList"))
        return tuple(self._distribution(summary) for summary in summaries if summary.get("Enabled"))

    def _distribution(self, summary: Mapping[str, Any]) -> Distribution:
        config = self._api.get_distribution_config(Id=summary["Id"])["DistributionConfig"]
        behaviours = [self._behaviour(b["PathPattern"], b) for b in _items(config.get("CacheBehaviors"))]
        return Distribution(
            id=summary["Id"],
            domain=summary["DomainName"].lower(),
            aliases=frozenset(alias.lower() for alias in _items(config.get("Aliases"))),
            origins={origin["Id"]: _origin(origin) for origin in _items(config["Origins"])},
            behaviours=(*behaviours, self._behaviour("*", config["DefaultCacheBehavior"])),
            groups={group["Id"]: _group(group) for group in _items(config.get("OriginGroups"))},
            error_pages={
                int(page["ErrorCode"]): _error_page(page)
                for page in _items(config.get("CustomErrorResponses"))
            },
            root_object=config.get("DefaultRootObject", ""),
            web_acl=config.get("WebACLId", ""),
        )

    def _behaviour(self, pattern: str, config: Mapping[str, Any]) -> Behaviour:
        functions = {
            a["EventType"]: self._function(a["FunctionARN"])
            for a in _items(config.get("FunctionAssociations"))
        }
        lambdas: dict[LambdaEvent, EdgeLambda] = {
            a["EventType"]: EdgeLambda(a["LambdaFunctionARN"], bool(a.get("IncludeBody", False)))
            for a in _items(config.get("LambdaFunctionAssociations"))
        }
        cache = self._cache(config)
        allowed = config.get("AllowedMethods") or {}
        cached = frozenset(_items(allowed.get("CachedMethods")) or ("GET", "HEAD"))
        named = self._request_policy(config.get("OriginRequestPolicyId"))
        return Behaviour(
            pattern=pattern,
            origin_id=config["TargetOriginId"],
            methods=frozenset(_items(allowed) or ("GET", "HEAD")),
            policies=(cache.key, *named),
            function=functions.get("viewer-request"),
            response_function=functions.get("viewer-response"),
            lambdas=lambdas,
            cached_methods=cached,
            cache=cache,
            response_policy=self._response_policy(config.get("ResponseHeadersPolicyId")),
            compress=bool(config.get("Compress", False)),
        )

    def _cache(self, config: Mapping[str, Any]) -> CachePolicy:
        policy_id = config.get("CachePolicyId")
        if not policy_id:
            key = _legacy(config.get("ForwardedValues", {}))
            low, usual, high = (float(config.get(name, default)) for name, default in _LEGACY_TTLS)
            return CachePolicy(key, low, usual, high)
        if policy_id not in self._caches:
            found = self._api.get_cache_policy(Id=policy_id)["CachePolicy"]["CachePolicyConfig"]
            self._caches[policy_id] = _cache_policy(found)
        return self._caches[policy_id]

    def _request_policy(self, policy_id: str | None) -> tuple[Forwarded, ...]:
        if not policy_id:
            return ()
        if policy_id not in self._requests:
            found = self._api.get_origin_request_policy(Id=policy_id)["OriginRequestPolicy"]
            self._requests[policy_id] = _forwarded(found["OriginRequestPolicyConfig"])
        return (self._requests[policy_id],)

    def _response_policy(self, policy_id: str | None) -> ResponsePolicy | None:
        if not policy_id:
            return None
        if policy_id not in self._responses:
            found = self._api.get_response_headers_policy(Id=policy_id)["ResponseHeadersPolicy"]
            self._responses[policy_id] = policy_from(found["ResponseHeadersPolicyConfig"])
        return self._responses[policy_id]

    def _function(self, arn: str) -> Function:
        name = arn.rsplit("/", 1)[-1]
        if name not in self._functions:
            summary = self._api.describe_function(Name=name, Stage="LIVE")["FunctionSummary"]
            stores = _items(summary["FunctionConfig"].get("KeyValueStoreAssociations"))
            code = self._api.get_function(Name=name, Stage="LIVE")["FunctionCode"].read().decode()
            store = stores[0]["KeyValueStoreARN"] if stores else None
            self._functions[name] = Function(name, code, store)
        return self._functions[name]


_LEGACY_TTLS = (("MinTTL", 0), ("DefaultTTL", 86400), ("MaxTTL", 31536000))


def _cache_policy(config: Mapping[str, Any]) -> CachePolicy:
    parameters = config.get("ParametersInCacheKeyAndForwardedToOrigin", {})
    return CachePolicy(
        key=_forwarded(parameters),
        min_ttl=float(config.get("MinTTL", 0)),
        default_ttl=float(config.get("DefaultTTL", 86400)),
        max_ttl=float(config.get("MaxTTL", 31536000)),
        gzip=bool(parameters.get("EnableAcceptEncodingGzip", False)),
        brotli=bool(parameters.get("EnableAcceptEncodingBrotli", False)),
    )


def _group(config: Mapping[str, Any]) -> OriginGroup:
    codes = frozenset(int(code) for code in _items(config["FailoverCriteria"]["StatusCodes"]))
    return OriginGroup(tuple(member["OriginId"] for member in _items(config["Members"])), codes)


def _error_page(config: Mapping[str, Any]) -> ErrorPage:
    return ErrorPage(
        min_ttl=float(config.get("ErrorCachingMinTTL", DEFAULT_ERROR_TTL)),
        path=config.get("ResponsePagePath") or "",
        status=int(config.get("ResponseCode") or 0),
    )


def _origin(config: Mapping[str, Any]) -> Origin:
    bucket = config.get("S3OriginConfig")
    custom = config.get("CustomOriginConfig") or {}
    identity = (bucket or {}).get("OriginAccessIdentity", "")
    domain = config["DomainName"].lower().rstrip(".")
    return Origin(
        id=config["Id"],
        domain=domain,
        path=config.get("OriginPath", ""),
        custom=bucket is None,
        protocol=custom.get("OriginProtocolPolicy", "http-only"),
        http_port=int(custom.get("HTTPPort", 80)),
        https_port=int(custom.get("HTTPSPort", 443)),
        attempts=int(config.get("ConnectionAttempts", 3)),
        connect_timeout=float(config.get("ConnectionTimeout", 10)),
        read_timeout=float(custom.get("OriginReadTimeout", 30)),
        completion_timeout=float(config["ResponseCompletionTimeout"])
        if config.get("ResponseCompletionTimeout")
        else None,
        keepalive_timeout=float(custom.get("OriginKeepaliveTimeout", 5)),
        headers=tuple((h["HeaderName"], h["HeaderValue"]) for h in _items(config.get("CustomHeaders"))),
        access=bool(config.get("OriginAccessControlId") or identity),
        lists=_lists(domain) if bucket is not None else False,
    )


def _lists(domain: str) -> bool:
    """True when the bucket's policy lets anybody list it, of whom CloudFront is the only one here."""
    bucket = domain.partition(".s3")[0]
    try:
        policy = client("s3", HOME).get_bucket_policy(Bucket=bucket)["Policy"]
    except ClientError:
        return False
    return any(action in policy for action in ('"s3:ListBucket"', '"s3:List*"', '"s3:*"'))


def read() -> tuple[Distribution, ...]:
    """All enabled distributions of the local CloudFront."""
    return Reader().read()
