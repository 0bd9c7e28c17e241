"""Every extra type and action, area by area."""

from __future__ import annotations

from ops.local.types import ec2, elasticache, global_datastore, rds
from ops.local.types.registry import register

_AREAS = (ec2, rds, elasticache)
_ACTIONS = (global_datastore,)


def load() -> None:
    """Registers all of them, once, before the server starts."""
    for area in _AREAS:
        register(*area.types())
    for actions in _ACTIONS:
        actions.install()
