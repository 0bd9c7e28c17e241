"""A global database over three regions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import REGIONS, LocalAws, Stack

GLOBAL = "global-under-test"


def _of_secret(key: str) -> dict[str, Any]:
    return {"Fn::Join": ["", ["{{resolve:secretsmanager:", {"Ref": "Secret"}, f":SecretString:{key}::}}}}"]]}


def _home() -> dict[str, Any]:
    return {
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": []}},
        },
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {
                "Name": "global-under-test/database",
                "GenerateSecretString": {
                    "SecretStringTemplate": '{"username":"richesreach"}',
                    "GenerateStringKey": "password",
                    "ExcludePunctuation": True,
                    "PasswordLength": 40,
                },
                "ReplicaRegions": [{"Region": "eu-west-1"}],
            },
        },
        "Global": {
            "Type": "AWS::RDS::GlobalCluster",
            "Properties": {
                "GlobalClusterIdentifier": GLOBAL,
                "Engine": "aurora-postgresql",
                "EngineVersion": "17.7",
            },
        },
        "Parameters": {
            "Type": "AWS::RDS::DBClusterParameterGroup",
            "Properties": {
                "Family": "aurora-postgresql17",
                "Description": "d",
                "Parameters": {"rds.force_ssl": "1"},
            },
        },
        "Cluster": {
            "Type": "AWS::RDS::DBCluster",
            "Properties": {
                "DBClusterIdentifier": f"{GLOBAL}-us-east-1",
                "GlobalClusterIdentifier": {"Ref": "Global"},
                "Engine": "aurora-postgresql",
                "EngineVersion": "17.7",
                "MasterUsername": _of_secret("username"),
                "MasterUserPassword": _of_secret("password"),
                "DatabaseName": "richesreach",
                "StorageEncrypted": True,
                "KmsKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
                "DBClusterParameterGroupName": {"Ref": "Parameters"},
                "EnableCloudwatchLogsExports": ["postgresql"],
                "Tags": [{"Key": "area", "Value": "global-db"}],
            },
        },
        "First": _instance(f"{GLOBAL}-us-east-1-1"),
        "Second": {**_instance(f"{GLOBAL}-us-east-1-2"), "DependsOn": "First"},
        "Attachment": {
            "Type": "AWS::SecretsManager::SecretTargetAttachment",
            "Properties": {
                "SecretId": {"Ref": "Secret"},
                "TargetId": {"Ref": "Cluster"},
                "TargetType": "AWS::RDS::DBCluster",
            },
        },
    }


def _instance(name: str) -> dict[str, Any]:
    return {
        "Type": "AWS::RDS::DBInstance",
        "Properties": {
            "DBInstanceIdentifier": name,
            "DBClusterIdentifier": {"Ref": "Cluster"},
            "DBInstanceClass": "db.serverless",
            "Engine": "aurora-postgresql",
        },
    }


def _secondary(region: str) -> dict[str, Any]:
    return {
        "Cluster": {
            "Type": "AWS::RDS::DBCluster",
            "Properties": {
                "DBClusterIdentifier": f"{GLOBAL}-{region}",
                "GlobalClusterIdentifier": GLOBAL,
                "Engine": "aurora-postgresql",
                "StorageEncrypted": True,
            },
        },
        "Only": _instance(f"{GLOBAL}-{region}-1"),
    }


_ENDPOINTS = {
    "Writer": {"Fn::GetAtt": ["Cluster", "Endpoint.Address"]},
    "Reader": {"Fn::GetAtt": ["Cluster", "ReadEndpoint.Address"]},
}


@pytest.fixture(scope="module")
def stacks(aws: LocalAws) -> dict[str, Stack]:
    made = {"us-east-1": aws.deploy(_home(), {**_ENDPOINTS, "Secret": {"Ref": "Secret"}})}
    for region in REGIONS[1:]:
        made[region] = aws.deploy(_secondary(region), _ENDPOINTS, region=region)
    return made


def _cluster(aws: LocalAws, region: str) -> dict[str, Any]:
    found = aws.client("rds", region).describe_db_clusters(DBClusterIdentifier=f"{GLOBAL}-{region}")
    return dict(found["DBClusters"][0])


def _arn(region: str) -> str:
    return f"arn:aws:rds:{region}:000000000000:cluster:{GLOBAL}-{region}"


def _writer(aws: LocalAws) -> str:
    found = aws.client("rds").describe_global_clusters(GlobalClusterIdentifier=GLOBAL)["GlobalClusters"][0]
    (arn,) = [member["DBClusterArn"] for member in found["GlobalClusterMembers"] if member["IsWriter"]]
    return str(arn)


def test_the_first_cluster_of_a_global_cluster_is_its_writer(aws: LocalAws, stacks: dict[str, Stack]) -> None:
    found = aws.client("rds").describe_global_clusters(GlobalClusterIdentifier=GLOBAL)["GlobalClusters"][0]
    assert {member["DBClusterArn"] for member in found["GlobalClusterMembers"]} == {
        _arn(region) for region in stacks
    }
    assert _writer(aws) == _arn("us-east-1")


def test_a_secondary_inherits_what_its_template_omits(aws: LocalAws, stacks: dict[str, Stack]) -> None:
    home, away = _cluster(aws, "us-east-1"), _cluster(aws, "eu-west-1")
    fields = ("Engine", "EngineVersion", "MasterUsername", "DatabaseName")
    assert [away[field] for field in fields] == ["aurora-postgresql", "17.7", "richesreach", "richesreach"]
    assert [away[field] for field in fields] == [home[field] for field in fields]


def test_a_cluster_keeps_encryption_parameters_and_tags(aws: LocalAws, stacks: dict[str, Stack]) -> None:
    home = _cluster(aws, "us-east-1")
    assert home["StorageEncrypted"] is True
    assert home["KmsKeyId"].startswith("arn:aws:kms:us-east-1:")
    assert home["DBClusterParameterGroup"] in {
        group["DBClusterParameterGroupName"]
        for group in aws.client("rds").describe_db_cluster_parameter_groups()["DBClusterParameterGroups"]
    }
    assert {"Key": "area", "Value": "global-db"} in home["TagList"]
    assert home["EnabledCloudwatchLogsExports"] == ["postgresql"]


def test_every_endpoint_is_an_address_of_its_own(aws: LocalAws, stacks: dict[str, Stack]) -> None:
    addresses = [
        address for stack in stacks.values() for address in (stack.outputs["Writer"], stack.outputs["Reader"])
    ]
    for region in stacks:
        instances = aws.client("rds", region).describe_db_instances()["DBInstances"]
        addresses += [
            each["Endpoint"]["Address"] for each in instances if GLOBAL in each["DBInstanceIdentifier"]
        ]
    assert len(addresses) == len(set(addresses)) == 10
    assert all(address.startswith("127.70.") for address in addresses)
    assert _cluster(aws, "eu-west-1")["Endpoint"] == stacks["eu-west-1"].outputs["Writer"]


def test_only_one_instance_of_a_cluster_is_its_writer(aws: LocalAws, stacks: dict[str, Stack]) -> None:
    members = _cluster(aws, "us-east-1")["DBClusterMembers"]
    assert [member["IsClusterWriter"] for member in members] == [True, False]


def test_the_attached_secret_names_the_database_in_every_region(
    aws: LocalAws, stacks: dict[str, Stack]
) -> None:
    for region in ("us-east-1", "eu-west-1"):
        answer = aws.client("secretsmanager", region).get_secret_value(SecretId=f"{GLOBAL}/database")
        value = json.loads(answer["SecretString"])
        assert value["host"] == stacks["us-east-1"].outputs["Writer"]
        assert (value["username"], value["port"], value["engine"]) == ("richesreach", 5432, "postgres")
        assert value["dbClusterIdentifier"] == f"{GLOBAL}-us-east-1"
        assert value["password"].isalnum()


def test_a_switchover_and_a_failover_move_the_writer(aws: LocalAws, stacks: dict[str, Stack]) -> None:
    rds = aws.client("rds")
    rds.switchover_global_cluster(
        GlobalClusterIdentifier=GLOBAL, TargetDbClusterIdentifier=_arn("ap-southeast-1")
    )
    assert _writer(aws) == _arn("ap-southeast-1")
    rds.failover_global_cluster(
        GlobalClusterIdentifier=GLOBAL, TargetDbClusterIdentifier=_arn("us-east-1"), AllowDataLoss=True
    )
    assert _writer(aws) == _arn("us-east-1")


def test_a_deleted_cluster_leaves_its_global_cluster(aws: LocalAws, unique: Callable[[str], str]) -> None:
    name = unique("leaving")
    stack = aws.deploy(
        {
            "Global": {
                "Type": "AWS::RDS::GlobalCluster",
                "Properties": {
                    "GlobalClusterIdentifier": name,
                    "Engine": "aurora-postgresql",
                    "EngineVersion": "17.7",
                },
            },
            "Cluster": {
                "Type": "AWS::RDS::DBCluster",
                "Properties": {
                    "DBClusterIdentifier": name,
                    "GlobalClusterIdentifier": {"Ref": "Global"},
                    "Engine": "aurora-postgresql",
                    "MasterUsername": "someone",
                    "MasterUserPassword": "something",
                },
            },
        }
    )
    stack.delete()
    assert name not in [
        g["GlobalClusterIdentifier"] for g in aws.client("rds").describe_global_clusters()["GlobalClusters"]
    ]
