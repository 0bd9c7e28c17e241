"""Loopback addresses for what has an endpoint: one of 127.70.x.y for each database and cache endpoint."""

from __future__ import annotations

import threading

_LOCK = threading.Lock()
_ALLOTTED: dict[tuple[str, ...], str] = {}
_PER_BLOCK = 254
_BLOCKS = 256


def address_of(*owner: str) -> str:
    """The address of an owner (region, kind, name, role): allotted in sequence, the same on every call.

    Raises RuntimeError when all 65,024 are taken.
    """
    with _LOCK:
        if owner not in _ALLOTTED:
            block, number = divmod(len(_ALLOTTED), _PER_BLOCK)
            if block >= _BLOCKS:
                raise RuntimeError("no free address in 127.70.0.0/16: restart the local AWS")
            _ALLOTTED[owner] = f"127.70.{block}.{number + 1}"
        return _ALLOTTED[owner]
