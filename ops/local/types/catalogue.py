"""Every extra type and action, area by area."""

from __future__ import annotations

from ops.local.types import ec2
from ops.local.types.registry import register

_AREAS = (ec2,)


def load() -> None:
    """Registers all of them, once, before the server starts."""
    for area in _AREAS:
        register(*area.types())
