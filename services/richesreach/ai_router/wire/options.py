"""What a caller may tell the router beside the request itself, as its member `richesreach`."""

from typing import Any, Literal

import msgspec


class Template(msgspec.Struct, forbid_unknown_fields=True):
    """A prompt template by name; the newest version where none is said."""

    name: str
    version: int | None = None
    variables: dict[str, Any] = msgspec.field(default_factory=dict)


class Options(msgspec.Struct, forbid_unknown_fields=True):
    """None of it reaches a provider.

    `models` and `regions` narrow what may be chosen; `weights` override those of the strategy; `deadline_ms`
    is until the whole answer, or until a stream's first event; `most_microdollars` bounds what the request
    may cost. `cache`: `use`, `bypass` (neither read nor kept) or `refresh` (not read, kept).
    """

    strategy: str | None = None
    weights: dict[str, float] | None = None
    task: str | None = None
    models: list[str] | None = None
    regions: list[str] | None = None
    fallbacks: bool = True
    hedge: bool = False
    deadline_ms: int | None = None
    most_microdollars: int | None = None
    seed: int | None = None
    cache: Literal["use", "bypass", "refresh"] = "use"
    explain: bool = False
    redact: bool = False
    trim: bool = False
    template: Template | None = None
