"""Findings of the policy packs that the service-secrets area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged
from stacks.controls import SECRET_ROTATION

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "ai-providers/Resource",
        SECRET_ROTATION,
        "a provider issues its keys to people and lets no program renew them; docs/ai-router.md says how they"
        " are changed by hand, with the old and the new one valid in between",
    ),
    Acknowledged(
        "market-providers/Resource",
        SECRET_ROTATION,
        "a vendor issues its keys to people and lets no program renew them; docs/market-data.md says how they"
        " are changed by hand",
    ),
)
