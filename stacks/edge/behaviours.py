"""Which behaviour of the distribution serves which path, and why its cache is as it is.

The table in docs/edge.md is printed from here: ``python -m stacks.edge.behaviours``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stacks.edge_paths import CachedPath, ProtectedPath
from stacks.errors import ConfigurationError
from stacks.manifest import SERVICES, Manifest, load_manifests
from stacks.yaml_file import relative

Kind = Literal["protected", "cached", "stream", "api"]

#: Cache behaviours of a distribution, the default among them ("Quotas", CloudFront developer guide).
MOST = 75

#: Longest that an answer of the API is kept: only a policy that may cache can name headers.
API_TTL = 1

REASONS: dict[Kind, str] = {
    "protected": "answers belong to their caller; the token is checked before every origin request",
    "cached": "public and the same for everybody; named query keys and headers alone tell copies apart",
    "stream": "an open connection; nothing is compressed, as that would hold events back",
    "api": "answers may be a caller's own; kept for a second, and only where the service itself says so",
}


@dataclass(frozen=True)
class Behaviour:
    """One behaviour: the path it serves, what kind it is, and whose manifest asked for it."""

    path: str
    kind: Kind
    service: str = ""
    cached: CachedPath | None = None

    @property
    def lifetime(self) -> str:
        """Least, default and greatest lifetime in seconds."""
        return f"0 / {self.cached.ttl} / {self.cached.ttl}" if self.cached else f"0 / 0 / {API_TTL}"

    @property
    def key(self) -> str:
        """What tells two copies apart besides the path."""
        if self.cached is None:
            return "query, cookies, Authorization, viewer's place"
        parts = [f"query {name}" for name in self.cached.query] + list(self.cached.headers)
        return ", ".join(parts) or "nothing"


def behaviours(manifests: Sequence[Manifest]) -> tuple[Behaviour, ...]:
    """In order of precedence, the longest path of a kind first; the default comes last.

    Raises:
        ConfigurationError: there are more than a distribution takes.
    """
    kinds: list[list[Behaviour]] = [[], [], []]
    for manifest in manifests:
        kinds[0] += [Behaviour(entry.path, "protected", manifest.name) for entry in manifest.protected]
        kinds[1] += [Behaviour(entry.path, "cached", manifest.name, entry) for entry in manifest.cached]
        kinds[2] += [Behaviour(path, "stream", manifest.name) for path in manifest.streams]
    ordered = [b for kind in kinds for b in sorted(kind, key=lambda b: (-len(b.path), b.path))]
    if len(ordered) + 1 > MOST:
        raise ConfigurationError(
            relative(SERVICES),
            "cached, protected, streams",
            f"{len(ordered) + 1} behaviours exceed the {MOST} of a distribution",
            "join paths with a trailing *",
        )
    return (*ordered, Behaviour("*", "api"))


def protected_paths(manifests: Sequence[Manifest]) -> list[ProtectedPath]:
    """Every protected path, in a stable order."""
    return sorted((entry for m in manifests for entry in m.protected), key=lambda entry: entry.path)


def cached_paths(manifests: Sequence[Manifest]) -> list[CachedPath]:
    """Every cached path, in a stable order."""
    return sorted((entry for m in manifests for entry in m.cached), key=lambda entry: entry.path)


def table(manifests: Sequence[Manifest]) -> str:
    """The behaviours as Markdown, in order of precedence."""
    lines = [
        "| path | behaviour | service | least / default / most s | copies differ by | why |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{b.path}` | {b.kind} | {b.service or 'all'} | {b.lifetime} | {b.key} | {REASONS[b.kind]} |"
        for b in behaviours(manifests)
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(load_manifests()))  # noqa: T201
