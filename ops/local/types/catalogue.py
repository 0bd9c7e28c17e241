"""Every extra type and action, area by area."""

from __future__ import annotations

from ops.local.types import ec2, ecs, ecs_agent, elasticache, global_datastore, rds, s3, secrets
from ops.local.types.registry import register

_AREAS = (ec2, ecs, rds, elasticache, s3, secrets)
_ACTIONS = (ecs_agent, global_datastore)


def load() -> None:
    """Registers all of them, once, before the server starts."""
    for area in _AREAS:
        register(*area.types())
    for actions in _ACTIONS:
        actions.install()
