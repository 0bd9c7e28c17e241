"""Events and results of Lambda@Edge. Source: "Lambda@Edge event structure" of the developer guide."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from multidict import CIMultiDict

from ops.local.edge.answer import LAMBDA, Answer
from ops.local.edge.distribution import Distribution, LambdaEvent
from ops.local.edge.lambda_headers import changed, flattened, invalid, shaped
from ops.local.edge.origin import Origin

BODY_LIMITS: Mapping[LambdaEvent, int] = {"viewer-request": 40 * 1024, "origin-request": 1024 * 1024}
"""Bytes of a request body that a function is shown, and that a response it generates may have."""

Record = dict[str, Any]


def record(
    distribution: Distribution,
    event: LambdaEvent,
    request_id: str,
    request: Record,
    response: Record | None = None,
) -> dict[str, Any]:
    """The whole event."""
    config = {
        "distributionDomainName": distribution.domain,
        "distributionId": distribution.id,
        "eventType": event,
        "requestId": request_id,
    }
    cf = {"config": config, "request": request}
    return {"Records": [{"cf": cf if response is None else {**cf, "response": response}}]}


def request_part(client: str, method: str, uri: str, query: str, headers: CIMultiDict[str]) -> Record:
    """The `request` of an event, as yet without body and origin."""
    return {
        "clientIp": client,
        "headers": shaped(headers),
        "method": method,
        "querystring": query,
        "uri": uri,
    }


def body_part(event: LambdaEvent, body: bytes) -> Record:
    """The `body` of a request, for an association that includes it."""
    limit = BODY_LIMITS[event]
    return {
        "action": "read-only",
        "data": base64.b64encode(body[:limit]).decode(),
        "encoding": "base64",
        "inputTruncated": len(body) > limit,
    }


def response_part(answer: Answer) -> Record:
    """The `response` of an event; functions do not see the body."""
    return {
        "headers": shaped(answer.headers),
        "status": str(answer.status),
        "statusDescription": answer.reason or "",
    }


def origin_part(origin: Origin, region: str) -> Record:
    """The `origin` of an origin-request event."""
    headers = {name.lower(): [{"key": name, "value": value}] for name, value in origin.headers}
    shared = {"customHeaders": headers, "domainName": origin.domain, "path": origin.path}
    if not origin.custom:
        return {"s3": {**shared, "authMethod": "none", "region": region}}
    https = origin.protocol == "https-only"
    return {
        "custom": {
            **shared,
            "keepaliveTimeout": int(origin.keepalive_timeout),
            "port": origin.https_port if https else origin.http_port,
            "protocol": "https" if https else "http",
            "readTimeout": int(origin.read_timeout),
            "sslProtocols": ["TLSv1.2"],
        }
    }


def origin_after(event: LambdaEvent, origin: Origin, result: Any) -> Origin:
    """The origin that a function returned; without one, the origin that it saw."""
    if not result:
        return origin
    kinds = [kind for kind in ("custom", "s3") if result.get(kind)]
    if len(kinds) != 1:
        raise invalid(event, "returned an origin that is not one of custom and s3")
    given = result[kinds[0]]
    headers = tuple((flattened(event, given.get("customHeaders") or {})).items())
    named = replace(
        origin,
        custom=kinds[0] == "custom",
        domain=str(given.get("domainName", "")).lower().rstrip("."),
        path=str(given.get("path", "")),
        headers=headers,
    )
    if not named.domain:
        raise invalid(event, "returned an origin without a domainName")
    if not named.custom:
        return replace(named, access=given.get("authMethod") != "none" or origin.access)
    port = int(given.get("port", origin.http_port))
    return replace(
        named,
        protocol=f"{given.get('protocol', 'http')}-only",
        http_port=port,
        https_port=port,
        read_timeout=float(given.get("readTimeout", origin.read_timeout)),
    )


def body_after(event: LambdaEvent, given: Any) -> bytes | None:
    """The body that replaces the viewer's; None where the function left it alone."""
    if not isinstance(given, Mapping) or given.get("action") != "replace":
        return None
    return decoded(event, str(given.get("data", "")), given.get("encoding", "text"))


def decoded(event: LambdaEvent, data: str, encoding: Any) -> bytes:
    """A body given as text or base64."""
    if encoding not in {"text", "base64"}:
        raise invalid(event, f"returned a body with the encoding {encoding!r}, not text or base64")
    try:
        return base64.b64decode(data, validate=True) if encoding == "base64" else data.encode()
    except binascii.Error as error:
        raise invalid(event, f"returned a body that is not base64: {error}") from error


def status_of(event: LambdaEvent, given: Any) -> int:
    """The status of a result, given as text or number."""
    text = str(given)
    if not (text.isdigit() and 200 <= int(text) <= 599):
        raise invalid(event, f"returned the status {given!r}")
    return int(text)


def generated(event: LambdaEvent, result: Mapping[str, Any]) -> Answer:
    """The response that a function gave in place of a request."""
    body = decoded(event, str(result.get("body") or ""), result.get("bodyEncoding") or "text")
    if len(body) > BODY_LIMITS[event]:
        raise invalid(
            event, f"generated a body of {len(body)} bytes; at most {BODY_LIMITS[event]} are allowed"
        )
    headers = flattened(event, result.get("headers") or {})
    for name in ("transfer-encoding", "via", "content-length"):
        headers.popall(name, None)
    reason = str(result.get("statusDescription") or "") or None
    status = status_of(event, result["status"])
    return Answer(status, headers, body, reason, LAMBDA, generated=True)


def response_after(event: LambdaEvent, answer: Answer, result: Mapping[str, Any]) -> None:
    """Apply what a response function returned; at viewer-response the status stays."""
    answer.headers = changed(event, answer.headers, result.get("headers") or {})
    status = status_of(event, result.get("status", answer.status))
    if event == "viewer-response" and status != answer.status:
        raise invalid(event, "changed the status, which is only possible at origin-response")
    if status != answer.status:
        answer.status, answer.reason = status, str(result.get("statusDescription") or "") or None
    if "body" in result and event == "origin-response":
        answer.body = decoded(event, str(result["body"] or ""), result.get("bodyEncoding") or "text")
        answer.headers.popall("Content-Length", None)
        answer.headers.popall("Content-Encoding", None)
