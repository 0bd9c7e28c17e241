"""A response headers policy: what CloudFront adds to, replaces in and takes from an answer.

Source: "Understand response headers policies" of the CloudFront developer guide.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from multidict import CIMultiDict

from ops.local.edge.answer import Answer
from ops.local.edge.wildcard import matches

METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE")


@dataclass(frozen=True)
class Cors:
    """The CORS section; `max_age` in seconds, None where the policy does not say."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    credentials: bool
    max_age: int | None
    override: bool

    def apply(self, answer: CIMultiDict[str], method: str, request: Mapping[str, str]) -> None:
        """Add what the viewer's Origin and, in a preflight, its wishes call for."""
        asked = CIMultiDict(request)
        origin = asked.get("Origin")
        if not origin or not self._allows(origin):
            return
        values: dict[str, str] = {}
        any_origin = "*" in self.origins and not self.credentials
        values["Access-Control-Allow-Origin"] = "*" if any_origin else origin
        if self.credentials:
            values["Access-Control-Allow-Credentials"] = "true"
        if self.exposed:
            values["Access-Control-Expose-Headers"] = ", ".join(self.exposed)
        if method == "OPTIONS" and "Access-Control-Request-Method" in asked:
            methods = METHODS if "ALL" in self.methods else self.methods
            values["Access-Control-Allow-Methods"] = ", ".join(methods)
            values["Access-Control-Allow-Headers"] = ", ".join(self.headers)
            if self.max_age is not None:
                values["Access-Control-Max-Age"] = str(self.max_age)
        if not any_origin and "origin" not in answer.get("Vary", "").lower():
            answer.add("Vary", "Origin")
        if not self.override and any(name.lower().startswith("access-control-") for name in answer):
            return
        answer.update(values)

    def _allows(self, origin: str) -> bool:
        return any(
            matches(pattern, origin, fold=True) or matches(f"*://{pattern}", origin, fold=True)
            for pattern in self.origins
        )


@dataclass(frozen=True)
class Header:
    """A header to set; without `override` only where the origin sent none."""

    name: str
    value: str
    override: bool


@dataclass(frozen=True)
class ResponsePolicy:
    """A response headers policy. `sampling` is the percentage of answers that carry Server-Timing."""

    cors: Cors | None = None
    headers: tuple[Header, ...] = ()
    removed: frozenset[str] = frozenset()
    sampling: float = 0.0

    def apply(self, answer: Answer, method: str, request: Mapping[str, str]) -> None:
        """Change the answer's headers in place."""
        for name in self.removed:
            answer.headers.popall(name, None)
        if self.cors is not None:
            self.cors.apply(answer.headers, method, request)
        for header in self.headers:
            if header.override or header.name not in answer.headers:
                answer.headers[header.name] = header.value
        if self.sampling and random.uniform(0, 100) <= self.sampling:  # noqa: S311 - a sample, no secret
            answer.headers.add("Server-Timing", _timing(answer))


def _timing(answer: Answer) -> str:
    """The metrics that CloudFront names; `notes` hold those which only the request knows."""
    layer = "cdn-cache-miss"
    if answer.cache.startswith(("Hit", "RefreshHit")):
        layer = "cdn-cache-hit" if answer.cache.startswith("Hit") else "cdn-cache-refresh"
    parts = [f'{name};desc="{answer.notes[name]}"' for name in ("cdn-pop", "cdn-rid") if name in answer.notes]
    if "cdn-upstream-fbl" in answer.notes:
        parts.append(f"cdn-upstream-fbl;dur={answer.notes['cdn-upstream-fbl']}")
    return ", ".join((layer, *parts))
