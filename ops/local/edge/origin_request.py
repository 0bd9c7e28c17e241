"""What CloudFront sends to an origin: which headers, cookies and query keys pass, and what it adds itself.

Source: "HTTP request headers and CloudFront behavior (custom and Amazon S3 origins)" of the developer guide.
"""

from aiohttp import web
from multidict import CIMultiDict

from ops.local.edge.distribution import CLOUDFRONT_HEADER, Behaviour, Origin
from ops.local.edge.forward import Upstream, UpstreamError, end_to_end
from ops.local.edge.places import HEADER as PLACE_HEADER
from ops.local.edge.viewer import ViewerRequest
from ops.local.edge.zones import Endpoint

ALWAYS = frozenset(
    ("content-length", "content-type", "range", "if-range", "if-match", "if-none-match")
) | frozenset(("if-modified-since", "if-unmodified-since", "x-forwarded-for"))
"""Headers that no policy holds back."""

HANDSHAKE = "sec-websocket-"


def _passes(behaviour: Behaviour, name: str, generated: frozenset[str]) -> bool:
    lower = name.lower()
    if lower == "host" or lower == PLACE_HEADER.lower():
        return False
    if lower.startswith(CLOUDFRONT_HEADER):
        return lower in generated
    if lower in ALWAYS or lower.startswith(HANDSHAKE):
        return True
    return any(policy.headers.admits(name) for policy in behaviour.policies)


def _query(behaviour: Behaviour, query: str) -> str:
    parts = (part for part in query.split("&") if part)
    kept = [
        p for p in parts if any(policy.query.admits(p.partition("=")[0]) for policy in behaviour.policies)
    ]
    return "&".join(kept)


def _headers(
    behaviour: Behaviour, origin: Origin, viewer: ViewerRequest, request: web.BaseRequest, request_id: str
) -> CIMultiDict[str]:
    generated = behaviour.generated()
    # Headers that the function added reach the origin as if the viewer had sent them.
    headers = CIMultiDict(
        (name, value) for name, value in viewer.headers.items() if _passes(behaviour, name, generated)
    )
    cookies = [
        f"{name}={value}"
        for name, value in viewer.cookies
        if any(policy.cookies.admits(name) for policy in behaviour.policies)
    ]
    if cookies:
        headers["Cookie"] = "; ".join(cookies)
    chain = [value for value in (headers.get("X-Forwarded-For"), request.remote) if value]
    headers["X-Forwarded-For"] = ", ".join(chain)
    headers["Host"] = origin.host or origin.domain
    headers["Via"] = via(request_id)
    headers["X-Amz-Cf-Id"] = request_id
    headers.setdefault("User-Agent", "Amazon CloudFront")
    headers.update(origin.headers)
    return headers


def via(request_id: str) -> str:
    """The Via header of the edge, to origin and viewer."""
    return f"1.1 {request_id[:32].lower()}.cloudfront.net (CloudFront)"


def upstream(
    behaviour: Behaviour,
    origin: Origin,
    endpoint: Endpoint,
    viewer: ViewerRequest,
    request: web.BaseRequest,
    request_id: str,
) -> Upstream:
    """The request to send. Raises UpstreamError for what the local load balancers cannot take."""
    if origin.protocol == "https-only":
        raise UpstreamError(
            502, "the origin wants HTTPS; local load balancers speak HTTP (origin protocol http-only)"
        )
    query = _query(behaviour, viewer.query)
    return Upstream(
        address=endpoint.address,
        port=origin.http_port,
        path=origin.path + viewer.uri + (f"?{query}" if query else ""),
        headers=end_to_end(_headers(behaviour, origin, viewer, request, request_id)),
        method=viewer.method,
        connect_timeout=origin.connect_timeout,
        read_timeout=origin.read_timeout,
        attempts=origin.attempts,
    )
