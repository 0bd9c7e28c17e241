"""Two instances of one cluster: its endpoints are at the server that has the role, and move with it."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from ops.local import aws
from ops.local.reconcilers.aurora import Aurora, install
from ops.local.reconcilers.postgres_files import find_binaries
from tests.ops.local.conftest import deploy, eventually
from tests.ops.local.test_aurora import Platform

REGION = "us-west-2"
PORT = 5463
PASSWORD = "two-of-one"


def instance(name: str, **more: Any) -> dict[str, Any]:
    """An instance of the cluster."""
    properties = {
        "DBInstanceIdentifier": name,
        "DBClusterIdentifier": {"Ref": "Cluster"},
        "DBInstanceClass": "db.serverless",
        "Engine": "aurora-postgresql",
    }
    return {"Type": "AWS::RDS::DBInstance", "Properties": properties, **more}


@pytest.fixture(scope="module")
def platform(local_aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("pair")
    secret = f'{{"username": "platform", "password": "{PASSWORD}"}}'
    cluster = {
        "DBClusterIdentifier": "pair",
        "Engine": "aurora-postgresql",
        "Port": PORT,
        "MasterUsername": "platform",
        "MasterUserPassword": PASSWORD,
        "DatabaseName": "market",
    }
    attachment = {
        "SecretId": {"Ref": "Secret"},
        "TargetId": {"Ref": "Cluster"},
        "TargetType": "AWS::RDS::DBCluster",
    }
    resources = {
        "Cluster": {"Type": "AWS::RDS::DBCluster", "Properties": cluster},
        "First": instance("pair-1"),
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": secret}},
        "Attachment": {"Type": "AWS::SecretsManager::SecretTargetAttachment", "Properties": attachment},
    }
    deploy(REGION, "pair", resources)
    running = Platform(Aurora(aws.client, (REGION,), install(folder / "data", folder / "logs")))
    try:
        eventually(lambda: len(running.roles()) == 1)
        deploy(REGION, "pair", {**resources, "Second": instance("pair-2", DependsOn="First")})
        eventually(lambda: roles(running) == {"pair-1": "writer", "pair-2": "reader"})
        yield running
    finally:
        running.close()


def roles(platform: Platform) -> dict[str, str]:
    """Role of each server that accepts connections."""
    servers = platform.aurora.servers.values()
    return {s.spec.name: "reader" if s.follows else "writer" for s in servers if s.exists and s.ready}


def ask(endpoint: str, statement: str) -> str | None:
    """The answer at the cluster's `Endpoint` or `ReaderEndpoint`; None when it refuses."""
    cluster = aws.client("rds", REGION).describe_db_clusters(DBClusterIdentifier="pair")["DBClusters"][0]
    argv = [str(find_binaries() / "psql"), "-XqAtw", "-h", cluster[endpoint], "-p", str(PORT)]
    argv += ["-U", "platform", "-d", "market", "-c", statement]
    env = {"PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "2"}
    answer = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None


def test_cluster_endpoint_writes_and_reader_endpoint_reads(platform: Platform) -> None:
    assert ask("Endpoint", "CREATE TABLE bar (a int); INSERT INTO bar VALUES (1)") is not None
    eventually(lambda: ask("ReaderEndpoint", "SELECT a FROM bar") == "1")
    assert ask("ReaderEndpoint", "INSERT INTO bar VALUES (2)") is None


def test_failover_inside_the_cluster_moves_both_endpoints(platform: Platform) -> None:
    aws.client("rds", REGION).failover_db_cluster(
        DBClusterIdentifier="pair", TargetDBInstanceIdentifier="pair-2"
    )
    eventually(lambda: roles(platform) == {"pair-1": "reader", "pair-2": "writer"})
    eventually(lambda: ask("Endpoint", "INSERT INTO bar VALUES (3)") is not None)
    eventually(lambda: ask("ReaderEndpoint", "SELECT max(a) FROM bar") == "3")
    eventually(lambda: ask("ReaderEndpoint", "SELECT pg_is_in_recovery()") == "t")
