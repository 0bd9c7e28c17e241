"""What a policy lets through: headers, cookies and query keys by name."""

from dataclasses import dataclass
from typing import Literal

CLOUDFRONT_HEADER = "cloudfront-"


@dataclass(frozen=True)
class Selection:
    """Which headers, cookies or query keys pass; names are compared without case."""

    kind: Literal["none", "some", "all", "all-except"] = "none"
    names: frozenset[str] = frozenset()

    def admits(self, name: str) -> bool:
        """True when `name` passes."""
        match self.kind:
            case "none":
                return False
            case "all":
                return True
            case "some":
                return name.lower() in self.names
            case "all-except":
                return name.lower() not in self.names


@dataclass(frozen=True)
class Forwarded:
    """What one policy lets through to the origin. `generated` are CloudFront-* headers it asks for."""

    headers: Selection = Selection()
    cookies: Selection = Selection()
    query: Selection = Selection()
    generated: frozenset[str] = frozenset()
