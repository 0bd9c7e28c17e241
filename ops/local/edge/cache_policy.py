"""The cache key of a request and the lifetime of a response, as a cache policy says. Nothing here does I/O.

Sources, in the CloudFront developer guide: "Understand the cache key", "Manage how long content stays in the
cache (expiration)", "Serve compressed files", "Control how long CloudFront caches errors".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from multidict import CIMultiDict

from ops.local.edge.selection import Forwarded

DEFAULT_ERROR_TTL = 10.0
"""Seconds for which CloudFront keeps an error when the distribution does not say otherwise."""

ERRORS_KEPT = frozenset((404, 410, 414, 500, 501, 502, 503, 504))
ERRORS_KEPT_ON_REQUEST = frozenset((400, 403, 405, 412, 415))
"""Kept only when the origin sends max-age or s-maxage."""
ERRORS_THAT_MAY_REFUSE = frozenset((404, 410, 414, 501))
"""With these no-store, no-cache and private are obeyed; with other errors they are ignored."""

STORABLE = frozenset((200, 203, 204, 300, 301, 302, 303, 307, 308))

Directives = Mapping[str, str]


@dataclass(frozen=True)
class CachePolicy:
    """Times in seconds; `key` is what the cache key holds beside the path. The default never caches."""

    key: Forwarded = field(default_factory=Forwarded)
    min_ttl: float = 0.0
    default_ttl: float = 0.0
    max_ttl: float = 0.0
    gzip: bool = False
    brotli: bool = False

    def encoding(self, accepted: str) -> str:
        """Accept-Encoding as CloudFront normalises it: of br and gzip those that both sides take."""
        offered = set(_accepted_codings(accepted))
        enabled = (("br", self.brotli), ("gzip", self.gzip))
        return ",".join(name for name, on in enabled if on and name in offered)


@dataclass(frozen=True)
class Lifetime:
    """Seconds for which a response is fresh, and then may be served stale; None for no limit but the cache's.

    `while_revalidating` and `if_error` count from the end of freshness.
    """

    fresh: float
    while_revalidating: float = 0.0
    if_error: float | None = None


def _accepted_codings(accepted: str) -> Iterable[str]:
    for part in accepted.split(","):
        name, _, parameters = part.partition(";")
        weight = parameters.strip().removeprefix("q=")
        refused = parameters and weight.replace(".", "").strip("0") == ""
        if name.strip() and not refused:
            yield name.strip().lower()


def cache_key(
    policy: CachePolicy,
    uri: str,
    query: str,
    headers: CIMultiDict[str],
    cookies: Iterable[tuple[str, str]],
) -> tuple[str, ...]:
    """What tells one object from another: values that the policy does not name make no difference."""
    key = policy.key
    parts = [p for p in query.split("&") if p and key.query.admits(p.partition("=")[0])]
    named = sorted(
        (name.lower(), value)
        for name, value in headers.items()
        if key.headers.admits(name) and name.lower() != "accept-encoding"
    )
    kept = sorted((name, value) for name, value in cookies if key.cookies.admits(name))
    return (
        uri,
        "&".join(parts),
        "\n".join(f"{name}:{value}" for name, value in named),
        "; ".join(f"{name}={value}" for name, value in kept),
        policy.encoding(headers.get("Accept-Encoding", "")),
    )


def directives(headers: Mapping[str, str]) -> Directives:
    """The Cache-Control directives of a response, lower case, without quotes."""
    multi = CIMultiDict(headers)
    parts = ",".join(multi.getall("Cache-Control", [])).split(",")
    split = (part.strip().partition("=") for part in parts if part.strip())
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in split}


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdigit() else None


def _asked(headers: Mapping[str, str], given: Directives, now: datetime) -> float | None:
    """The seconds that the origin asks for: s-maxage before max-age before Expires; None when it does not."""
    for name in ("s-maxage", "max-age"):
        seconds = _seconds(given.get(name))
        if seconds is not None:
            return seconds
    multi = CIMultiDict(headers)
    if "Expires" not in multi:
        return None
    try:
        expires = parsedate_to_datetime(multi["Expires"])
    except (TypeError, ValueError):
        return 0.0  # RFC 9111 5.3: an invalid date, such as 0, lies in the past
    expires = expires if expires.tzinfo else expires.replace(tzinfo=UTC)
    return max(0.0, (expires - now).total_seconds())


def lifetime(policy: CachePolicy, headers: Mapping[str, str], now: datetime) -> Lifetime:
    """How long a successful response may be served."""
    given = directives(headers)
    if given.keys() & {"no-store", "no-cache", "private"}:
        fresh = policy.min_ttl
    else:
        asked = _asked(headers, given, now)
        fresh = max(policy.min_ttl, policy.default_ttl) if asked is None else asked
        fresh = min(max(fresh, policy.min_ttl), policy.max_ttl)
    # What the policy's maximum leaves over is all that stale-while-revalidate can have.
    grace = min(_seconds(given.get("stale-while-revalidate")) or 0.0, max(0.0, policy.max_ttl - fresh))
    return Lifetime(fresh, grace, _seconds(given.get("stale-if-error")))


def error_lifetime(
    policy: CachePolicy, status: int, headers: Mapping[str, str], minimum: float, now: datetime
) -> float:
    """Seconds for which an error is kept; `minimum` is the distribution's Error Caching Minimum TTL."""
    given = directives(headers)
    asked = _asked(headers, given, now)
    if status in ERRORS_KEPT_ON_REQUEST and not given.keys() & {"max-age", "s-maxage"}:
        return 0.0
    if status not in ERRORS_KEPT | ERRORS_KEPT_ON_REQUEST:
        return 0.0
    if status in ERRORS_THAT_MAY_REFUSE and given.keys() & {"no-store", "no-cache", "private"}:
        return 0.0
    return max(minimum, min(asked or 0.0, policy.max_ttl))


def is_storable(status: int, headers: Mapping[str, str], policy: CachePolicy) -> bool:
    """True when a response may be kept at all, if only to be revalidated."""
    given = directives(headers)
    kept_back = given.keys() & {"no-store", "private"} and policy.min_ttl == 0
    return status in STORABLE and policy.max_ttl > 0 and not kept_back
