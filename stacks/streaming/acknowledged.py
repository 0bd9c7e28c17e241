"""Findings of the policy packs that the streaming area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged
from stacks.controls import FUNCTION_DEAD_LETTERS, FUNCTION_NETWORK
from stacks.function import APIS_ONLY, DEPLOYING

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged("LookUp/Function", FUNCTION_DEAD_LETTERS, DEPLOYING),
    Acknowledged("LookUp/Function", FUNCTION_NETWORK, APIS_ONLY),
)
