"""Aurora as it is set: parameters, insight, logs, backups, and what a global database alone may have."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.environment import load_environment
from tests.stacks import environments
from tests.stacks.assembly import Assembly
from tests.stacks.conftest import Synthesise
from tests.stacks.test_data import HOME, OTHERS, REGIONS, cluster

Json = Any
CLUSTER_PARAMETERS = "AWS::RDS::DBClusterParameterGroup"


def parameters(assembly: Assembly, region: str) -> dict[str, str]:
    found: dict[str, str] = assembly.one(region, "global-db", CLUSTER_PARAMETERS).properties["Parameters"]
    return found


@pytest.fixture(scope="module")
def pausing(synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """One region whose database is not global and may pause."""
    contents = environments.single_region()
    for key, value in {"global": False, "min_capacity": 0, "pause_after_seconds": 1800}.items():
        contents = environments.put(contents, f"database.{key}", value)
    return synthesise(environments.read(tmp_path_factory.mktemp("pausing-file"), contents))


@pytest.mark.parametrize("region", REGIONS)
def test_server_refuses_connections_without_tls_and_counts_its_statements(
    region: str, prod: Assembly
) -> None:
    assert parameters(prod, region) == {
        "rds.force_ssl": "1",
        "shared_preload_libraries": "pg_stat_statements",
    }
    group = prod.one(region, "global-db", CLUSTER_PARAMETERS).logical_id
    assert cluster(prod, region).properties["DBClusterParameterGroupName"] == {"Ref": group}


def test_bound_on_the_lag_stands_in_the_home_regions_parameters_alone(optioned: Assembly) -> None:
    assert parameters(optioned, HOME)["rds.global_db_rpo"] == "60"
    assert not [region for region in OTHERS if "rds.global_db_rpo" in parameters(optioned, region)]


def test_writes_are_forwarded_by_secondaries_alone_and_only_when_asked_for(
    optioned: Assembly, prod: Assembly
) -> None:
    forwarding = {r: cluster(optioned, r).properties.get("EnableGlobalWriteForwarding") for r in REGIONS}
    assert forwarding == {HOME: None, **dict.fromkeys(OTHERS, True)}
    assert not [r for r in REGIONS if "EnableGlobalWriteForwarding" in cluster(prod, r).properties]


@pytest.mark.parametrize("region", REGIONS)
def test_slow_statements_are_logged_and_the_log_is_exported_and_kept(region: str, prod: Assembly) -> None:
    settings = load_environment("prod").database
    group = prod.one(region, "global-db", "AWS::RDS::DBParameterGroup")
    assert group.properties["Parameters"]["log_min_duration_statement"] == str(
        settings.slow_query_milliseconds
    )
    for instance in prod.all(region, "global-db", "AWS::RDS::DBInstance"):
        assert instance.properties["DBParameterGroupName"] == {"Ref": group.logical_id}
    name = f"/aws/rds/cluster/richesreach-prod-{region}/postgresql"
    log = prod.one(region, "global-db", "AWS::Logs::LogGroup", LogGroupName=name)
    assert log.properties["RetentionInDays"] == settings.log_days
    assert "KmsKeyId" in log.properties
    own = cluster(prod, region)
    assert own.properties["EnableCloudwatchLogsExports"] == ["postgresql"]
    assert log.logical_id in own.depends_on


INSIGHTS = {"PerformanceInsightsRetentionPeriod": 465, "MonitoringInterval": 15}


@pytest.mark.parametrize("region", REGIONS)
def test_insights_are_advanced_and_the_same_in_the_cluster_and_its_instances(
    region: str, prod: Assembly
) -> None:
    own = cluster(prod, region).properties
    assert own["DatabaseInsightsMode"] == "advanced"
    assert own["PerformanceInsightsEnabled"] is True
    key = {"Fn::GetAtt": [prod.one(region, "global-db", "AWS::KMS::Key").logical_id, "Arn"]}
    assert own["PerformanceInsightsKmsKeyId"] == key
    expected = {**INSIGHTS, "MonitoringRoleArn": own["MonitoringRoleArn"]}
    assert {name: own[name] for name in expected} == expected
    for instance in prod.all(region, "global-db", "AWS::RDS::DBInstance"):
        assert {name: instance.properties[name] for name in expected} == expected
        assert instance.properties["PerformanceInsightsKMSKeyId"] == key


def test_monitoring_that_is_off_leaves_no_role(local: Assembly) -> None:
    assert "MonitoringRoleArn" not in cluster(local, HOME).properties
    roles = local.all(HOME, "global-db", "AWS::IAM::Role")
    assert not [role for role in roles if "monitoring.rds" in str(role.properties)]


def test_instances_answer_with_a_certificate_of_the_chosen_authority(prod: Assembly) -> None:
    for instance in prod.all(HOME, "global-db", "AWS::RDS::DBInstance"):
        assert instance.properties["CACertificateIdentifier"] == "rds-ca-rsa2048-g1"


@pytest.mark.parametrize("region", REGIONS)
def test_protected_cluster_leaves_a_snapshot_when_it_is_removed(region: str, prod: Assembly) -> None:
    own = cluster(prod, region)
    assert own.properties["DeletionProtection"] is True
    assert (own.whole["DeletionPolicy"], own.whole["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")
    assert own.properties["BackupRetentionPeriod"] == load_environment("prod").database.backup_days


@pytest.mark.parametrize(
    ("region", "copy"), [(HOME, OTHERS[0]), *((r, HOME) for r in OTHERS)], ids=[f"from {r}" for r in REGIONS]
)
def test_backup_of_each_member_is_copied_home_and_the_homes_to_the_first_other(
    region: str, copy: str, prod: Assembly
) -> None:
    plan = load_environment("prod").database.backup_plan
    assert plan is not None
    (rule,) = prod.one(region, "global-db", "AWS::Backup::BackupPlan").properties["BackupPlan"][
        "BackupPlanRule"
    ]
    assert rule["Lifecycle"] == {"DeleteAfterDays": plan.keep_days}
    (action,) = rule["CopyActions"]
    vault = prod.one(copy, "global-db", "AWS::Backup::BackupVault").properties
    assert action["DestinationBackupVaultArn"].split(":")[3:] == [
        copy,
        "111111111111",
        "backup-vault",
        vault["BackupVaultName"],
    ]
    assert action["Lifecycle"] == {"DeleteAfterDays": plan.copy_keep_days}
    assert "EncryptionKeyArn" in vault


@pytest.mark.parametrize("region", REGIONS)
def test_backup_selects_the_regions_own_cluster_and_nothing_else(region: str, prod: Assembly) -> None:
    selection = prod.one(region, "global-db", "AWS::Backup::BackupSelection").properties["BackupSelection"]
    assert selection["Resources"] == [
        f"arn:aws:rds:{region}:111111111111:cluster:{cluster(prod, region).properties['DBClusterIdentifier']}"
    ]


def test_vault_outlives_its_stack_where_the_environment_is_protected(prod: Assembly) -> None:
    assert prod.one(HOME, "global-db", "AWS::Backup::BackupVault").whole["DeletionPolicy"] == "Retain"


def test_backup_of_one_region_has_nowhere_to_be_copied(single: Assembly) -> None:
    plan = single.one("eu-central-1", "global-db", "AWS::Backup::BackupPlan").properties["BackupPlan"]
    assert "CopyActions" not in plan["BackupPlanRule"][0]


def test_database_that_is_not_global_stands_alone_and_may_pause(pausing: Assembly) -> None:
    region = "eu-central-1"
    assert pausing.all(region, "global-db", "AWS::RDS::GlobalCluster") == []
    own = cluster(pausing, region).properties
    assert "GlobalClusterIdentifier" not in own
    assert own["EngineVersion"] == load_environment("prod").database.engine_version
    assert own["ServerlessV2ScalingConfiguration"] == {
        "MinCapacity": 0,
        "MaxCapacity": 32,
        "SecondsUntilAutoPause": 1800,
    }
    assert own["DatabaseName"] == "richesreach"


def test_member_of_a_global_database_is_never_asked_to_pause(prod: Assembly) -> None:
    for region in REGIONS:
        scaling = cluster(prod, region).properties["ServerlessV2ScalingConfiguration"]
        assert scaling["MinCapacity"] >= 0.5
        assert "SecondsUntilAutoPause" not in scaling
