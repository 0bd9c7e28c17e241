"""Headers in the form of Lambda@Edge, and which of them a function may not add or change.

Source: "Restrictions on edge functions" of the CloudFront developer guide.
"""

from collections.abc import Mapping
from typing import Any

from multidict import CIMultiDict

from ops.local.edge.distribution import LambdaEvent

DISALLOWED = frozenset(
    ("connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection")
) | frozenset(("trailer", "upgrade", "x-cache", "x-forwarded-proto", "x-real-ip"))
DISALLOWED_PREFIXES = ("x-accel-", "x-amz-cf-", "x-amzn-", "x-edge-")

READ_ONLY: Mapping[LambdaEvent, frozenset[str]] = {
    "viewer-request": frozenset(("content-length", "host", "transfer-encoding", "via")),
    "origin-request": frozenset(
        ("accept-encoding", "content-length", "if-modified-since", "if-none-match", "if-range")
    )
    | frozenset(("if-unmodified-since", "transfer-encoding", "via")),
    "origin-response": frozenset(("transfer-encoding", "via")),
    "viewer-response": frozenset(
        ("content-encoding", "content-length", "transfer-encoding", "warning", "via")
    ),
}

VALIDATION = "LambdaValidationError from cloudfront"
EXECUTION = "LambdaExecutionError from cloudfront"


class LambdaError(Exception):
    """A function that failed (503) or returned what CloudFront refuses (502); `cache` is the x-cache."""

    def __init__(self, status: int, cache: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.cache = cache


def invalid(event: str, reason: str) -> LambdaError:
    """What CloudFront refuses of a function's answer."""
    return LambdaError(502, VALIDATION, f"the Lambda function at {event} {reason}")


def is_disallowed(name: str) -> bool:
    """True for headers that functions neither see nor may add."""
    return name.lower() in DISALLOWED or name.lower().startswith(DISALLOWED_PREFIXES)


def shaped(headers: CIMultiDict[str]) -> dict[str, list[dict[str, str]]]:
    """Headers as an event holds them: lower-case names, each with its spelling and values."""
    result: dict[str, list[dict[str, str]]] = {}
    for name, value in headers.items():
        if not is_disallowed(name):
            result.setdefault(name.lower(), []).append({"key": name, "value": value})
    return result


def flattened(event: LambdaEvent, given: Any) -> CIMultiDict[str]:
    """Headers that a function returned. Raises LambdaError for a wrong shape or a disallowed name."""
    headers: CIMultiDict[str] = CIMultiDict()
    if not isinstance(given, Mapping):
        raise invalid(event, "returned headers that are no object")
    for name, entries in given.items():
        if is_disallowed(name):
            raise invalid(event, f"added the header {name}, which functions may not set")
        if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            raise invalid(event, f"returned the header {name} not as a list of {{key, value}}")
        for entry in entries:
            key = str(entry.get("key") or name)
            if key.lower() != name.lower():
                raise invalid(event, f"returned the header {name} under the key {key}")
            headers.add(key, str(entry.get("value", "")))
    return headers


def changed(event: LambdaEvent, before: CIMultiDict[str], given: Any) -> CIMultiDict[str]:
    """The headers after a function: its own, and those it never saw. Raises LambdaError."""
    after = flattened(event, given)
    for name in READ_ONLY[event]:
        if after.getall(name, []) != before.getall(name, []):
            raise invalid(event, f"changed the header {name}, which is read-only there")
    after.extend((name, value) for name, value in before.items() if is_disallowed(name))
    return after
