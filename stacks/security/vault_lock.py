"""Locks of backup vaults: a lock is a property of its vault, and vaults are made by other areas."""

from __future__ import annotations

from aws_cdk import aws_backup as backup

from stacks.base import PlatformStack


def lock_vaults(stack: PlatformStack) -> None:
    """Locks every vault of the stack as the file says: no recovery point of it goes before ``min_days``."""
    lock = stack.site.environment.security.vault_lock
    if lock is None:
        return
    for construct in stack.node.find_all():
        if isinstance(construct, backup.CfnBackupVault):
            construct.lock_configuration = backup.CfnBackupVault.LockConfigurationTypeProperty(
                min_retention_days=lock.min_days,
                max_retention_days=lock.max_days,
                changeable_for_days=lock.grace_days,
            )
