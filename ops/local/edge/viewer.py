"""The viewer's request as a function sees it (event structure, version 1.0), and what comes back.

Source: "CloudFront Functions event structure" and "Restrictions on edge functions" of the developer guide.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from aiohttp import web
from multidict import CIMultiDict

from ops.local.edge.functions import FunctionError

HIDDEN = frozenset(
    ("connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection")
) | frozenset(("trailer", "upgrade", "x-cache", "x-forwarded-proto", "x-real-ip", "x-amzn-auth"))
HIDDEN_PREFIXES = ("x-accel-", "x-amz-cf-", "x-edge-")
"""Headers that functions neither see nor may add."""

READ_ONLY = frozenset(("content-length", "host", "transfer-encoding", "via"))
"""Headers that a viewer-request function sees and may not change."""

URI_SAFE = "/%!$&'()*+,;=:@-._~"


def is_hidden(name: str) -> bool:
    """True for headers that functions neither see nor may add."""
    return name.lower() in HIDDEN or name.lower().startswith(HIDDEN_PREFIXES)


@dataclass(frozen=True)
class ViewerRequest:
    """A request at the edge; `uri` and `query` are as they came. `headers` have no Cookie."""

    method: str
    uri: str
    query: str
    headers: CIMultiDict[str]
    cookies: tuple[tuple[str, str], ...]

    @classmethod
    def of(
        cls, request: web.BaseRequest, generated: Mapping[str, str], names: Iterable[str]
    ) -> "ViewerRequest":
        """The viewer's request, with those `generated` CloudFront-* headers that `names` (lower case) has."""
        wanted = set(names)
        uri, _, query = request.raw_path.partition("?")
        headers = CIMultiDict(
            (name, value)
            for name, value in request.headers.items()
            if not name.lower().startswith("cloudfront-") and name.lower() != "cookie"
        )
        headers.extend((name, value) for name, value in generated.items() if name.lower() in wanted)
        return cls(request.method, uri, query, headers, _cookies(request.headers.getall("Cookie", [])))

    def with_cookies(self) -> CIMultiDict[str]:
        """The headers, Cookie among them."""
        headers = CIMultiDict(self.headers)
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies)
        return headers

    def replaced(self, uri: str, query: str, headers: CIMultiDict[str]) -> "ViewerRequest":
        """This request with another URI, query and headers, Cookie among them."""
        cookies = _cookies(headers.popall("Cookie", []))
        return replace(self, uri=quote(uri, safe=URI_SAFE), query=query, headers=headers, cookies=cookies)

    def event(
        self, viewer_ip: str, context: Mapping[str, str], kind: str = "viewer-request"
    ) -> dict[str, Any]:
        """The event that a function is called with; at viewer-response its `response` comes to it."""
        shown = ((name.lower(), value) for name, value in self.headers.items() if not is_hidden(name))
        return {
            "version": "1.0",
            "context": {"eventType": kind, **context},
            "viewer": {"ip": viewer_ip},
            "request": {
                "method": self.method,
                "uri": self.uri,
                "querystring": multi(_pairs(self.query)),
                "headers": multi(shown),
                "cookies": multi(self.cookies),
            },
        }

    def after(self, event: Mapping[str, Any], output: Mapping[str, Any]) -> "ViewerRequest":
        """This request as the function returned it. Raises FunctionError for what CloudFront refuses."""
        before = event["request"]
        uri = output.get("uri")
        if not isinstance(uri, str) or not uri.startswith("/"):
            raise FunctionError(
                502, f"the function returned the uri {uri!r}, which does not begin with a slash"
            )
        headers = CIMultiDict(flat(output.get("headers")))
        for name in headers:
            if is_hidden(name):
                raise FunctionError(502, f"the function added the header {name}, which functions may not set")
        for name in READ_ONLY:
            if headers.getall(name, []) != CIMultiDict(flat(before["headers"])).getall(name, []):
                raise FunctionError(502, f"the function changed the header {name}, which is read-only")
        headers.extend((name, value) for name, value in self.headers.items() if is_hidden(name))
        querystring = output.get("querystring") or {}
        same = list(flat(querystring)) == list(flat(before["querystring"]))
        query = self.query if same else "&".join(f"{key}={value}" for key, value in flat(querystring))
        cookies = tuple(flat(output.get("cookies")))
        return replace(self, uri=quote(uri, safe=URI_SAFE), query=query, headers=headers, cookies=cookies)


def _cookies(headers: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Names and values of all Cookie headers."""
    pairs = "; ".join(headers).split(";")
    split = (pair.partition("=") for pair in pairs)
    return tuple((name.strip(), value.strip()) for name, _, value in split if name.strip())


def _pairs(query: str) -> list[tuple[str, str]]:
    """Keys and values as they are in the URL: CloudFront does not decode them."""
    split = (part.partition("=") for part in query.split("&") if part)
    return [(key, value) for key, _, value in split]


def multi(pairs: Iterable[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """The documented shape: `value` is the first, `multiValue` holds all when there are several."""
    shaped: dict[str, dict[str, Any]] = {}
    for name, value in pairs:
        if name not in shaped:
            shaped[name] = {"value": value}
        else:
            shaped[name].setdefault("multiValue", [{"value": shaped[name]["value"]}]).append({"value": value})
    return shaped


def flat(shaped: Mapping[str, Mapping[str, Any]] | None) -> Iterable[tuple[str, str]]:
    """The names and values of that shape."""
    for name, entry in (shaped or {}).items():
        for one in entry.get("multiValue") or (entry,):
            yield name, str(one.get("value", ""))
