"""What CloudFront sends to an origin: which headers, cookies and query keys pass, and what it adds itself.

Source: "HTTP request headers and CloudFront behavior (custom and Amazon S3 origins)" of the developer guide.
"""

from dataclasses import dataclass

from multidict import CIMultiDict

from ops.local.edge.distribution import Behaviour
from ops.local.edge.forward import Upstream, UpstreamError, end_to_end
from ops.local.edge.origin import Origin
from ops.local.edge.places import HEADER as PLACE_HEADER
from ops.local.edge.selection import CLOUDFRONT_HEADER
from ops.local.edge.viewer import ViewerRequest
from ops.local.edge.zones import Endpoint

CONDITIONAL = frozenset(("if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"))
ALWAYS = frozenset(("content-length", "content-type", "range", "x-forwarded-for")) | CONDITIONAL
"""Headers that no policy holds back."""

HANDSHAKE = "sec-websocket-"


@dataclass
class OriginRequest:
    """A request as it leaves for an origin, and as a function at origin-request sees it.

    `headers` have Host and Cookie but not the origin's own custom headers; `body` is set where it replaces
    the viewer's.
    """

    method: str
    uri: str
    query: str
    headers: CIMultiDict[str]
    origin: Origin
    body: bytes | None = None

    def upstream(self, endpoint: Endpoint) -> Upstream:
        """The request to send. Raises UpstreamError for what the local load balancers cannot take."""
        origin = self.origin
        if origin.custom and origin.protocol == "https-only":
            raise UpstreamError(
                502, "the origin wants HTTPS; local load balancers speak HTTP (origin protocol http-only)"
            )
        headers = end_to_end(self.headers)
        headers.update(origin.headers)
        if self.body is not None:
            headers["Content-Length"] = str(len(self.body))
        return Upstream(
            address=endpoint.address,
            port=endpoint.port or origin.http_port,
            path=endpoint.prefix + origin.path + self.uri + (f"?{self.query}" if self.query else ""),
            headers=headers,
            method=self.method,
            connect_timeout=origin.connect_timeout,
            read_timeout=origin.read_timeout,
            attempts=origin.attempts,
            body=self.body,
        )


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
    behaviour: Behaviour, origin: Origin, viewer: ViewerRequest, remote: str, request_id: str
) -> CIMultiDict[str]:
    generated = behaviour.generated()
    # Headers that the function added reach the origin as if the viewer had sent them.
    headers = CIMultiDict(
        (name, value) for name, value in viewer.headers.items() if _passes(behaviour, name, generated)
    )
    if behaviour.cache.gzip or behaviour.cache.brotli:
        encoding = behaviour.cache.encoding(viewer.headers.get("Accept-Encoding", ""))
        headers.popall("Accept-Encoding", None)
        if encoding:
            headers["Accept-Encoding"] = encoding
    cookies = [
        f"{name}={value}"
        for name, value in viewer.cookies
        if any(policy.cookies.admits(name) for policy in behaviour.policies)
    ]
    if cookies:
        headers["Cookie"] = "; ".join(cookies)
    headers["X-Forwarded-For"] = ", ".join(filter(None, (headers.get("X-Forwarded-For"), remote)))
    headers["Host"] = origin.host or origin.domain
    headers["Via"] = via(request_id)
    headers["X-Amz-Cf-Id"] = request_id
    headers.setdefault("User-Agent", "Amazon CloudFront")
    return headers


def via(request_id: str) -> str:
    """The Via header of the edge, to origin and viewer."""
    return f"1.1 {request_id[:32].lower()}.cloudfront.net (CloudFront)"


def compose(
    behaviour: Behaviour, origin: Origin, viewer: ViewerRequest, remote: str, request_id: str
) -> OriginRequest:
    """The viewer's request as the policies of its behaviour let it through."""
    headers = _headers(behaviour, origin, viewer, remote, request_id)
    return OriginRequest(viewer.method, viewer.uri, _query(behaviour, viewer.query), headers, origin)
