"""Responses as CloudFront Functions return and see them (event structure, version 1.0)."""

import base64
from collections.abc import Mapping
from typing import Any

from multidict import CIMultiDict

from ops.local.edge.answer import FUNCTION, Answer
from ops.local.edge.functions import FunctionError
from ops.local.edge.viewer import flat, is_hidden, multi

RESPONSE_READ_ONLY = frozenset(("content-encoding", "content-length", "transfer-encoding", "warning", "via"))
"""Headers that a viewer-response function sees and may not change."""


def generated_answer(output: Mapping[str, Any]) -> Answer:
    """The response that a function returned in place of a request. Raises FunctionError when it is none."""
    body = output.get("body", "")
    if isinstance(body, Mapping):
        data = str(body.get("data", ""))
        raw = base64.b64decode(data) if body.get("encoding") == "base64" else data.encode()
    else:
        raw = str(body).encode()
    reason = output.get("statusDescription")
    return Answer(_status(output), _response_headers(output), raw, reason, FUNCTION, generated=True)


def response_event(answer: Answer) -> dict[str, Any]:
    """The `response` of a viewer-response function's event."""
    shown = ((n.lower(), v) for n, v in answer.headers.items() if not is_hidden(n))
    pairs = [(n, v) for n, v in shown if n != "set-cookie"]
    cookies: dict[str, dict[str, str]] = {}
    for line in answer.headers.getall("Set-Cookie", []):
        pair, _, attributes = line.partition(";")
        name, _, value = pair.partition("=")
        cookies[name.strip()] = {"value": value.strip(), "attributes": attributes.strip()}
    return {
        "statusCode": answer.status,
        "statusDescription": answer.reason or "",
        "headers": multi(pairs),
        "cookies": cookies,
    }


def apply_response(answer: Answer, output: Mapping[str, Any]) -> None:
    """Change an answer as a viewer-response function returned it; its body stays. Raises FunctionError."""
    headers = _response_headers(output)
    for name in headers:
        if is_hidden(name):
            raise FunctionError(502, f"the function added the header {name}, which functions may not set")
    for name in RESPONSE_READ_ONLY:
        if headers.getall(name, []) != answer.headers.getall(name, []):
            raise FunctionError(502, f"the function changed the header {name}, which is read-only")
    headers.extend((name, value) for name, value in answer.headers.items() if is_hidden(name))
    status = _status(output)
    if status != answer.status:
        answer.status, answer.reason = status, output.get("statusDescription")
    answer.headers = headers


def _status(output: Mapping[str, Any]) -> int:
    status = output.get("statusCode")
    if not isinstance(status, int) or not 100 <= status <= 599:
        raise FunctionError(502, f"the function returned the status code {status!r}")
    return status


def _response_headers(output: Mapping[str, Any]) -> CIMultiDict[str]:
    headers = CIMultiDict(flat(output.get("headers")))
    for name, cookie in (output.get("cookies") or {}).items():
        attributes = f"; {cookie['attributes']}" if cookie.get("attributes") else ""
        headers.add("Set-Cookie", f"{name}={cookie.get('value', '')}{attributes}")
    return headers
