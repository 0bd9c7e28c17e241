"""The feature flags of the gateway: what can be switched off, or on for some, while it runs."""

from collections.abc import Mapping
from typing import Any

from richesreach.core.app import Platform
from richesreach.core.auth.identity import Identity
from richesreach.core.feature_flags import Flag
from richesreach.core.problems import Problem

SELF_SERVICE = Flag("users.self-service", default=True, purpose="people sign up by themselves")
NEW_KEYS = Flag("keys.issue", default=True, purpose="API keys are issued and rotated")
FLAGS: Mapping[str, Flag[Any]] = {flag.name: flag for flag in (SELF_SERVICE, NEW_KEYS)}


def needs(platform: Platform, flag: Flag[bool], caller: Identity | None = None) -> None:
    """Raises Problem 503 where the flag is off for this caller."""
    if not platform.flags.value(flag, caller):
        detail = f"This is switched off at the moment ({flag.name})."
        raise Problem(503, "switched-off", detail, headers={"retry-after": "60"})
