"""The headers that the core reads of a request, found in one look."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from richesreach.core.auth.credentials import SHOWN
from richesreach.core.freshness import Freshness
from richesreach.core.identity import REQUEST_ID
from richesreach.core.resilience import deadline
from richesreach.core.tracing import TRACEPARENT

# Each with all of its values, in the order in which they came.
Given: TypeAlias = Mapping[bytes, list[str]]

LENGTH = b"content-length"
_READ = frozenset({REQUEST_ID.encode(), TRACEPARENT, LENGTH, *SHOWN, *deadline.READ, *Freshness.READ})


def given_to(headers: Iterable[tuple[bytes, bytes]]) -> Given:
    """The headers that are read here; a request's routes read the rest."""
    return measured(headers)[0]


def measured(headers: Iterable[tuple[bytes, bytes]]) -> tuple[Given, int]:
    """As `given_to`, and the bytes of all headers together."""
    found: dict[bytes, list[str]] = {}
    size = 0
    for name, value in headers:
        size += len(name) + len(value)
        if name in _READ:
            if name in found:
                found[name].append(value.decode("latin-1"))
            else:
                found[name] = [value.decode("latin-1")]
    return found, size
