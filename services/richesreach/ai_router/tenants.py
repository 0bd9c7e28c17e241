"""Whose a kept answer is, and under which key of the cache it stands.

Keys say it in plain words, as `erasure.cache_patterns` of the environment's file need it: what is kept of
somebody who is erased is found by the id. It is the hash tag, so that what belongs together is in one slot.
"""

from urllib.parse import quote

from richesreach.ai_router.model import Caller

_BETWEEN = "\0"


def team_of(caller: Caller) -> str:
    """Who may see each other's kept answers."""
    return f"{caller.org}{_BETWEEN}{caller.team}"


def key_of(caller: Caller) -> str:
    """Who may ask again for what was answered to an idempotency key: one API key, or one user."""
    return f"{caller.org}{_BETWEEN}{caller.key}"


def place(kind: str, tenant: str) -> str:
    """The beginning of the keys of `kind`."""
    whose = ":".join(quote(part, safe="") for part in tenant.split(_BETWEEN))
    return f"ai:{kind}:{{{whose}}}"
