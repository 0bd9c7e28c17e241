"""Experiments of the drills: what they hit, what ends them, what their roles can do; and locks of vaults."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_backup as backup
from aws_cdk.assertions import Template

from stacks.base import PlatformStack, Site
from stacks.environment import load_environment
from stacks.security.vault_lock import lock_vaults
from tests.stacks import environments
from tests.stacks.assembly import Assembly

REGIONS = ("us-east-1", "eu-west-1")
KIND = "AWS::FIS::ExperimentTemplate"


def test_prod_has_no_experiment_while_none_is_planned(prod: Assembly) -> None:
    for region in prod.regions("security"):
        assert not prod.all(region, "security", KIND)


@pytest.mark.parametrize("region", REGIONS)
def test_every_drill_of_the_plan_has_its_experiment(region: str, staging: Assembly) -> None:
    actions = [t.properties["Actions"]["fail"]["ActionId"] for t in staging.all(region, "security", KIND)]
    cut_off = "aws:network:route-table-disrupt-cross-region-connectivity"
    others = [each for each in load_environment("staging").permitted_regions if each != region]
    assert sorted(actions) == [
        "aws:ecs:stop-task",
        "aws:elasticache:replicationgroup-interrupt-az-power",
        "aws:network:disrupt-connectivity",
        *[cut_off] * len(others),
        "aws:rds:failover-db-cluster",
    ]


def test_experiment_hits_only_its_own_environment(staging: Assembly) -> None:
    for region in REGIONS:
        for template in staging.all(region, "security", KIND):
            target = template.properties["Targets"]["targets"]
            assert target["ResourceTags"] == {"project": "richesreach", "environment": "staging"}
            assert "ResourceArns" not in target


def test_experiment_ends_when_its_regions_alarm_fires(staging: Assembly) -> None:
    for region in REGIONS:
        for template in staging.all(region, "security", KIND):
            (stop,) = template.properties["StopConditions"]
            assert stop["Source"] == "aws:cloudwatch:alarm"
            assert stop["Value"].startswith(f"arn:aws:cloudwatch:{region}:")
            assert stop["Value"].endswith(":alarm:richesreach-staging-region-impaired")


def test_each_experiment_has_a_role_of_its_own_that_deletes_only_what_it_made(staging: Assembly) -> None:
    for region in REGIONS:
        roles = [str(t.properties["RoleArn"]) for t in staging.all(region, "security", KIND)]
        assert len(set(roles)) == len(roles)
        for policy in staging.all(region, "security", "AWS::IAM::ManagedPolicy"):
            if policy.logical_id.startswith("Drills"):
                for statement in policy.properties["PolicyDocument"]["Statement"]:
                    if any(action.startswith("ec2:Delete") for action in statement["Action"]):
                        assert "managedByFIS" in str(statement["Condition"])


def vault(tmp_path: Path, lock: object) -> Template:
    environment = environments.read(
        tmp_path, environments.put(environments.document(), "security.vault_lock", lock)
    )
    stack = PlatformStack(
        cdk.App(), Site(environment, "111111111111", "us-east-1"), "global-db", description="vault"
    )
    backup.CfnBackupVault(stack, "Vault", backup_vault_name="databases")
    lock_vaults(stack)
    return Template.from_stack(stack)


def test_vault_keeps_recovery_points_as_long_as_the_file_says(tmp_path: Path) -> None:
    lock = load_environment("prod").security.vault_lock
    assert lock is not None
    vault(tmp_path, lock.model_dump()).has_resource_properties(
        "AWS::Backup::BackupVault",
        {"LockConfiguration": {"MinRetentionDays": lock.min_days, "MaxRetentionDays": lock.max_days}},
    )


def test_vault_without_a_lock_in_the_file_has_none(tmp_path: Path) -> None:
    (found,) = vault(tmp_path, None).find_resources("AWS::Backup::BackupVault").values()
    assert "LockConfiguration" not in found["Properties"]
