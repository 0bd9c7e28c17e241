"""Findings of the policy packs that the global-db area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged

_SECONDARY = "a secondary of a Global Datastore inherits it from the primary and must not name it"
_NETWORK_ONLY = "reachable from the platform's private networks alone; users of its own are not set up yet"

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged("Cache/Group", "AwsSolutions::AwsSolutions-AEC6", _NETWORK_ONLY),
    Acknowledged("Datastore/Group", "AwsSolutions::AwsSolutions-AEC6", _NETWORK_ONLY),
    Acknowledged("Datastore/Group", "AwsSolutions::AwsSolutions-AEC3", _SECONDARY),
    Acknowledged("Datastore/Group", "AwsSolutions::AwsSolutions-AEC5", _SECONDARY),
    Acknowledged(
        "Credentials/Secret/Resource",
        "AwsSolutions::AwsSolutions-SMG4",
        "rotation for a global database must follow its writer; the secret is rotated by hand until then",
    ),
)
