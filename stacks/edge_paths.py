"""Paths of a service that the edge treats in their own way, as its manifest lists them."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from stacks.yaml_file import Frozen

_PATH = re.compile(r"^/[A-Za-z0-9_.$/~@:+-]*\*?$")


def _path(value: str) -> str:
    if not _PATH.match(value):
        raise ValueError(f"{value!r} is no path pattern; write one such as /market/* or /graphql")
    return value


PathPattern = Annotated[str, AfterValidator(_path)]

Role = Literal["viewer", "trader", "admin", "service"]


class CachedPath(Frozen):
    """A public path that the edge may keep for ``ttl`` seconds; only the named query keys and headers tell
    copies apart, and only they reach the service."""

    path: PathPattern
    ttl: Annotated[int, Field(ge=1, le=31_536_000)]
    query: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.~-]+$")]] = Field(default_factory=list)
    headers: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _for_everybody(self) -> CachedPath:
        personal = {"authorization", "cookie", "x-api-key"} & {name.lower() for name in self.headers}
        if personal:
            raise ValueError(
                f"{self.path} is cached by {', '.join(sorted(personal))}: its answers are somebody's own;"
                " leave it uncached"
            )
        return self


class ProtectedPath(Frozen):
    """A path that the edge passes on only with a valid token, of one of ``roles`` where any is named."""

    path: PathPattern
    roles: list[Role] = Field(default_factory=list)


def _protected(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


#: As an object, or as the path alone where any token will do.
Protected = Annotated[ProtectedPath, BeforeValidator(_protected)]


def overlap(one: str, other: str) -> bool:
    """Whether some path fits both patterns (``*`` at the end alone, as in manifests)."""
    prefix, other_prefix = one.removesuffix("*"), other.removesuffix("*")
    if one.endswith("*") and other_prefix.startswith(prefix):
        return True
    return one == other or (other.endswith("*") and prefix.startswith(other_prefix))
