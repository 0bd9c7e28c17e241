"""What makes two requests the same: all that an answer depends on, whatever its order and spaces."""

import hashlib
from typing import Any, Protocol

import msgspec
from msgspec import Raw

from richesreach.ai_router.wire.options import Options

# Members that say how an answer is delivered, billed or filed, and not what it is.
_DELIVERY = frozenset(
    {
        "metadata",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "user",
    }
)
# Options of the router by which another model may answer, or another text is asked.
_CHOOSING = ("strategy", "weights", "task", "models", "regions", "redact", "trim", "template")
# Bytes; a longer request is hardly ever asked twice.
MOST = 262_144


class Asking(Protocol):
    """A chat request, or one for embeddings."""

    @property
    def members(self) -> dict[str, Raw]: ...

    @property
    def options(self) -> Options: ...


def canonical(request: Asking, *, without: frozenset[str] = frozenset()) -> bytes | None:
    """The request in one form; None where it is longer than is worth it."""
    kept = {
        name: raw for name, raw in request.members.items() if name not in _DELIVERY and name not in without
    }
    if sum(len(bytes(raw)) for raw in kept.values()) > MOST:
        return None
    plain: dict[str, Any] = {name: msgspec.json.decode(raw) for name, raw in kept.items()}
    options = {name: getattr(request.options, name) for name in _CHOOSING}
    return msgspec.json.encode([plain, options], order="deterministic")


def digest_of(kind: str, canonical_form: bytes) -> str:
    return hashlib.blake2b(canonical_form, digest_size=20, person=kind.encode()[:16]).hexdigest()


def deterministic(request: Asking) -> bool:
    """Whether its caller wants the same answer each time: temperature 0, or a seed."""
    temperature, seed = request.members.get("temperature"), request.members.get("seed")
    if seed is not None and bytes(seed) != b"null":
        return True
    return temperature is not None and msgspec.json.decode(temperature) == 0
