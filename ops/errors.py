"""The two ways in which a command ends badly; the message names the thing and the mend."""

from __future__ import annotations


class OperationError(Exception):
    """The command was right, the world was not (exit 1)."""


class UsageError(Exception):
    """The command was given wrongly (exit 2)."""
