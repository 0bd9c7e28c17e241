"""Reads a response headers policy from its API description."""

from collections.abc import Mapping
from typing import Any

from ops.local.edge.response_policy import Cors, Header, ResponsePolicy


def _items(block: Mapping[str, Any] | None) -> tuple[Any, ...]:
    return tuple((block or {}).get("Items") or ())


def policy_from(config: Mapping[str, Any]) -> ResponsePolicy:
    """The policy of a ResponseHeadersPolicyConfig."""
    custom = [
        Header(item["Header"], item["Value"], bool(item["Override"]))
        for item in _items(config.get("CustomHeadersConfig"))
    ]
    timing = config.get("ServerTimingHeadersConfig") or {}
    cors = config.get("CorsConfig")
    return ResponsePolicy(
        cors=_cors(cors) if cors else None,
        headers=(*_security(config.get("SecurityHeadersConfig") or {}), *custom),
        removed=frozenset(item["Header"] for item in _items(config.get("RemoveHeadersConfig"))),
        sampling=float(timing.get("SamplingRate", 0)) if timing.get("Enabled") else 0.0,
    )


def _cors(config: Mapping[str, Any]) -> Cors:
    age = config.get("AccessControlMaxAgeSec")
    return Cors(
        origins=_items(config.get("AccessControlAllowOrigins")),
        methods=_items(config.get("AccessControlAllowMethods")),
        headers=_items(config.get("AccessControlAllowHeaders")),
        exposed=_items(config.get("AccessControlExposeHeaders")),
        credentials=bool(config.get("AccessControlAllowCredentials", False)),
        max_age=int(age) if age is not None else None,
        override=bool(config.get("OriginOverride", False)),
    )


def _security(config: Mapping[str, Any]) -> list[Header]:
    """The headers of the security section, in the form that CloudFront writes them."""
    found = []
    for section, name, value in _SECURITY:
        part = config.get(section)
        if part is not None:
            found.append(Header(name, value(part), bool(part.get("Override", False))))
    return found


def _transport(part: Mapping[str, Any]) -> str:
    subdomains = "; includeSubDomains" if part.get("IncludeSubdomains") else ""
    preload = "; preload" if part.get("Preload") else ""
    return f"max-age={part['AccessControlMaxAgeSec']}{subdomains}{preload}"


def _xss(part: Mapping[str, Any]) -> str:
    if not part.get("Protection"):
        return "0"
    mode = "; mode=block" if part.get("ModeBlock") else ""
    report = f"; report={part['ReportUri']}" if part.get("ReportUri") else ""
    return f"1{mode}{report}"


_SECURITY: tuple[tuple[str, str, Any], ...] = (
    ("StrictTransportSecurity", "Strict-Transport-Security", _transport),
    ("ContentSecurityPolicy", "Content-Security-Policy", lambda part: part["ContentSecurityPolicy"]),
    ("ContentTypeOptions", "X-Content-Type-Options", lambda part: "nosniff"),
    ("FrameOptions", "X-Frame-Options", lambda part: part["FrameOption"]),
    ("ReferrerPolicy", "Referrer-Policy", lambda part: part["ReferrerPolicy"]),
    ("XSSProtection", "X-XSS-Protection", _xss),
)
