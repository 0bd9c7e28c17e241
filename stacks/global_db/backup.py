"""AWS Backup of a region's cluster, and the vault that takes copies from elsewhere.

Every data region has the same plan for its own cluster: after a promotion the new writer is backed up as the
old one was, without a deployment. Each copies into the vault of the home region, and that one into the vault
of the first other: so a data region that joins or retires changes no other's plan.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_backup as backup
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import Site
from stacks.global_db.settings import BackupSettings

#: Minutes within which a job starts, and within which it must have ended.
START_WINDOW, END_WINDOW = 60, 480


class DatabaseBackup(Construct):
    """Vault, plan and selection. The vault's lock is the security area's to add, by the vault's name."""

    def __init__(
        self, scope: Construct, construct_id: str, *, site: Site, key: kms.IKey, plan: BackupSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.vault = backup.CfnBackupVault(
            self, "Vault", backup_vault_name=site.names.backup_vault, encryption_key_arn=key.key_arn
        )
        self.vault.apply_removal_policy(site.removal_policy)
        rule = backup.CfnBackupPlan.BackupRuleResourceTypeProperty(
            rule_name="daily",
            target_backup_vault=self.vault.ref,
            schedule_expression=plan.schedule,
            start_window_minutes=START_WINDOW,
            completion_window_minutes=END_WINDOW,
            lifecycle=_keep(plan.keep_days),
            copy_actions=self._copies(plan) or None,
        )
        self.plan = backup.CfnBackupPlan(
            self,
            "Plan",
            backup_plan=backup.CfnBackupPlan.BackupPlanResourceTypeProperty(
                backup_plan_name=site.names.backup_vault, backup_plan_rule=[rule]
            ),
        )
        self._select()

    def _copies(self, plan: BackupSettings) -> list[Any]:
        home = self.site.environment.home_region
        others = [region for region in self.site.environment.data_regions if region != home]
        if not others:
            return []
        region = others[0] if self.site.is_home else home
        vault = f"arn:aws:backup:{region}:{self.site.account}:backup-vault:{self.site.names.backup_vault}"
        return [
            backup.CfnBackupPlan.CopyActionResourceTypeProperty(
                destination_backup_vault_arn=vault, lifecycle=_keep(plan.copy_keep_days)
            )
        ]

    def _select(self) -> None:
        site = self.site
        role = iam.Role(
            self,
            "Role",
            description="AWS Backup takes and copies snapshots of the databases",
            assumed_by=iam.ServicePrincipal("backup.amazonaws.com").with_conditions(
                {"StringEquals": {"aws:SourceAccount": site.account}}
            ),
            managed_policies=[
                iam.ManagedPolicy.from_aws_managed_policy_name(
                    "service-role/AWSBackupServiceRolePolicyForBackup"
                )
            ],
        )
        cluster = site.names.database_cluster(site.region)
        backup.CfnBackupSelection(
            self,
            "Selection",
            backup_plan_id=self.plan.ref,
            backup_selection=backup.CfnBackupSelection.BackupSelectionResourceTypeProperty(
                selection_name=cluster,
                iam_role_arn=role.role_arn,
                resources=[f"arn:aws:rds:{site.region}:{site.account}:cluster:{cluster}"],
            ),
        )


def _keep(days: int) -> backup.CfnBackupPlan.LifecycleResourceTypeProperty:
    return backup.CfnBackupPlan.LifecycleResourceTypeProperty(delete_after_days=days)
