"""The subject in the user pool, where their address and password are."""

from __future__ import annotations

from typing import Any


def erase(cognito: Any, pool_id: str, subject: str, *, dry_run: bool) -> dict[str, Any]:
    """One user or none; their tokens are renewed no more."""
    try:
        if dry_run:
            cognito.admin_get_user(UserPoolId=pool_id, Username=subject)
        else:
            cognito.admin_delete_user(UserPoolId=pool_id, Username=subject)
    except cognito.exceptions.UserNotFoundException:
        return {"done": True, "erased": {"user pool": 0}}
    return {"done": True, "erased": {"user pool": 1}}
