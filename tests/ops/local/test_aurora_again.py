"""A database that was deleted and is made again is a new one: with the password that its secret holds now."""

import subprocess
from pathlib import Path
from typing import Any

from ops.local import aws
from ops.local.reconcilers.aurora import Aurora, install
from ops.local.reconcilers.postgres_files import find_binaries
from tests.ops.local.conftest import deploy, eventually
from tests.ops.local.test_aurora import Platform
from tests.ops.local.test_aurora_cluster import instance

REGION = "us-west-1"
PORT = 5464


def database(password: str) -> dict[str, Any]:
    """A cluster of one instance, and its secret."""
    cluster = {
        "DBClusterIdentifier": "again",
        "Engine": "aurora-postgresql",
        "Port": PORT,
        "MasterUsername": "platform",
        "MasterUserPassword": password,
        "DatabaseName": "market",
    }
    secret = {"SecretString": f'{{"username": "platform", "password": "{password}"}}'}
    attachment = {
        "SecretId": {"Ref": "Secret"},
        "TargetId": {"Ref": "Cluster"},
        "TargetType": "AWS::RDS::DBCluster",
    }
    return {
        "Cluster": {"Type": "AWS::RDS::DBCluster", "Properties": cluster},
        "Instance": instance("again-1"),
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": secret},
        "Attachment": {"Type": "AWS::SecretsManager::SecretTargetAttachment", "Properties": attachment},
    }


def admitted(platform: Platform, password: str) -> bool:
    found = platform.databases.get(REGION)
    if found is None or found.status != "running":
        return False
    where = ["-h", found.address, "-p", str(PORT), "-U", "platform", "-d", "market", "-c", "SELECT 1"]
    env = {"PGPASSWORD": password, "PGCONNECT_TIMEOUT": "2"}
    command = [str(find_binaries() / "psql"), "-XqAtw", *where]
    return subprocess.run(command, env=env, capture_output=True, check=False).returncode == 0


def test_database_made_again_admits_with_its_new_password(local_aws: str, tmp_path: Path) -> None:
    platform = Platform(Aurora(aws.client, (REGION,), install(tmp_path / "data", tmp_path / "logs")))
    try:
        deploy(REGION, "again", database("the-first"))
        eventually(lambda: admitted(platform, "the-first"))
        aws.client("cloudformation", REGION).delete_stack(StackName="again")
        eventually(lambda: REGION not in platform.databases)
        deploy(REGION, "again", database("the-second"))
        eventually(lambda: admitted(platform, "the-second"))
        assert not admitted(platform, "the-first")
    finally:
        platform.close()
        aws.client("cloudformation", REGION).delete_stack(StackName="again")
