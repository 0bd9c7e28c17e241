"""Lambda@Edge at origin-response: errors in the platform's own form, and how long a stale copy may serve.

A load balancer answers 5xx with a page of HTML; a client of an API gets problem+json (RFC 9457) instead.
Answers of cached paths get ``stale-while-revalidate`` and ``stale-if-error`` (RFC 5861), which CloudFront
obeys, so that a viewer never waits for a renewal and an origin that fails is covered by the copy.

``configuration.json`` beside this file is written at synth:
``{"cached": [{"path", "ttl"}], "stale_while_revalidate", "stale_if_error"}``, all times in seconds.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

TITLES = {
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}

#: Directives that say: this answer is not for a shared cache.
_PRIVATE = frozenset(("no-store", "private", "no-cache"))

#: Header of the body that is replaced.
_OF_BODY = ("content-length", "content-encoding", "etag", "last-modified", "accept-ranges")

Json = dict[str, Any]


def handler(event: Json, _context: Any) -> Json:
    """The response as CloudFront shall keep and pass it on."""
    exchange = event["Records"][0]["cf"]
    request, response = exchange["request"], exchange["response"]
    status = int(response["status"])
    if status >= 500:
        return shape(request, response, status)
    if status == 200:
        allow_stale(request["uri"], response, configuration())
    return dict(response)


@functools.cache
def configuration() -> Json:
    """What synth wrote beside this file."""
    loaded: Json = json.loads(Path(__file__).with_name("configuration.json").read_text(encoding="utf-8"))
    return loaded


def shape(request: Json, response: Json, status: int) -> Json:
    """A balancer's page becomes a problem; a service's own answer stays as it is."""
    headers = response["headers"]
    kind = _value(headers, "content-type").partition(";")[0].strip().lower()
    if kind not in {"", "text/html"} or "x-richesreach-region" in headers:
        return response
    title = TITLES.get(status, "Server Error")
    request_id = _value(headers, "x-request-id") or _value(request.get("headers", {}), "x-request-id")
    problem = {"type": "about:blank", "title": title, "status": status, "detail": "the origin did not answer"}
    if request_id:
        problem["request_id"] = request_id
        _set(headers, "x-request-id", request_id)
    for name in _OF_BODY:
        headers.pop(name, None)
    _set(headers, "content-type", "application/problem+json")
    _set(headers, "cache-control", "no-store")
    return {**response, "body": json.dumps(problem), "bodyEncoding": "text"}


def allow_stale(path: str, response: Json, settings: Json) -> None:
    """Adds the directives of RFC 5861 to an answer that a shared cache may keep; changes no other."""
    lifetime = next((entry["ttl"] for entry in settings["cached"] if fits(entry["path"], path)), None)
    headers = response["headers"]
    if lifetime is None or "set-cookie" in headers:
        return
    given = _value(headers, "cache-control")
    directives = [part.strip() for part in given.split(",") if part.strip()]
    names = {part.partition("=")[0].strip().lower() for part in directives}
    if names & _PRIVATE:
        return
    if not names & {"max-age", "s-maxage"}:
        directives += ["public", f"max-age={lifetime}"]
    for name in ("stale-while-revalidate", "stale-if-error"):
        if name not in names:
            directives.append(f"{name}={settings[name.replace('-', '_')]}")
    _set(headers, "cache-control", ", ".join(dict.fromkeys(directives)))


def fits(pattern: str, path: str) -> bool:
    """CloudFront's path patterns: ``*`` any characters, ``?`` one, case matters."""
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, path, re.DOTALL) is not None


def _value(headers: Json, name: str) -> str:
    """All values of a header, joined as RFC 9110 5.3 allows; empty when it is absent."""
    return ", ".join(str(entry["value"]) for entry in headers.get(name, []))


def _set(headers: Json, name: str, value: str) -> None:
    headers[name] = [{"key": name, "value": value}]
