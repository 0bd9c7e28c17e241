"""What joins resources to one another: attachments, associations, aliases and groups of subnets."""

from __future__ import annotations

import json

import pytest

from stacks.environment import load_environment
from tests.stacks.assembly import Assembly

HOME = "us-east-1"
PROD = load_environment("prod")
REGIONS = tuple(PROD.regions)


def tiers(assembly: Assembly, region: str) -> dict[str, str]:
    """Tier of each subnet, by its logical id."""
    return {
        subnet.logical_id: next(
            tag["Value"] for tag in subnet.properties["Tags"] if tag["Key"] == "aws-cdk:subnet-name"
        )
        for subnet in assembly.all(region, "network", "AWS::EC2::Subnet")
    }


def exported(assembly: Assembly, reference: dict[str, dict[str, str]]) -> str:
    """Logical id behind an output of another stack."""
    found = reference["Fn::GetStackOutput"]
    outputs = assembly.templates[found["StackName"]]["Outputs"]
    value: str = outputs[found["OutputName"]]["Value"]["Ref"]
    return value


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("kind", ["AWS::RDS::DBSubnetGroup", "AWS::ElastiCache::SubnetGroup"])
def test_databases_and_caches_stand_in_every_data_subnet_and_no_other(
    kind: str, region: str, prod: Assembly
) -> None:
    group = prod.one(region, "global-db", kind)
    data = {name for name, tier in tiers(prod, region).items() if tier == "data"}
    assert {exported(prod, subnet) for subnet in group.properties["SubnetIds"]} == data
    assert len(data) == len(PROD.regions[region].availability_zones)


@pytest.mark.parametrize("region", REGIONS)
def test_one_internet_gateway_is_attached_to_the_network(region: str, prod: Assembly) -> None:
    attachment = prod.one(region, "network", "AWS::EC2::VPCGatewayAttachment")
    gateway = prod.one(region, "network", "AWS::EC2::InternetGateway")
    vpc = prod.one(region, "network", "AWS::EC2::VPC")
    assert attachment.properties == {
        "InternetGatewayId": {"Ref": gateway.logical_id},
        "VpcId": {"Ref": vpc.logical_id},
    }


@pytest.mark.parametrize("region", REGIONS)
def test_each_nat_gateway_has_a_fixed_address_of_its_own(region: str, prod: Assembly) -> None:
    addresses = {f.logical_id: f.properties["Domain"] for f in prod.all(region, "network", "AWS::EC2::EIP")}
    gateways = prod.all(region, "network", "AWS::EC2::NatGateway")
    used = [gateway.properties["AllocationId"]["Fn::GetAtt"][0] for gateway in gateways]
    assert addresses == dict.fromkeys(used, "vpc")
    assert len(used) == len(set(used)) == len(PROD.regions[region].availability_zones)


@pytest.mark.parametrize("region", REGIONS)
def test_cluster_runs_on_fargate_and_its_spot_and_nothing_else(region: str, prod: Assembly) -> None:
    association = prod.one(region, "ecs", "AWS::ECS::ClusterCapacityProviderAssociations")
    cluster = prod.one(region, "ecs", "AWS::ECS::Cluster")
    assert association.properties["Cluster"] == {"Ref": cluster.logical_id}
    assert association.properties["CapacityProviders"] == ["FARGATE", "FARGATE_SPOT"]


def test_master_secret_learns_where_the_home_cluster_is(prod: Assembly) -> None:
    attachment = prod.one(HOME, "global-db", "AWS::SecretsManager::SecretTargetAttachment").properties
    assert attachment["TargetType"] == "AWS::RDS::DBCluster"
    cluster = prod.one(HOME, "global-db", "AWS::RDS::DBCluster")
    assert attachment["TargetId"] == {"Ref": cluster.logical_id}
    secret = prod.one(HOME, "global-db", "AWS::SecretsManager::Secret", Name=PROD.names.secret("database"))
    assert attachment["SecretId"] == {"Ref": secret.logical_id}


def test_every_alias_names_a_key_of_its_own_stack_after_the_environment(prod: Assembly) -> None:
    aliases = 0
    for template in prod.templates.values():
        resources = template.get("Resources", {})
        for whole in resources.values():
            if whole["Type"] == "AWS::KMS::Alias":
                aliases += 1
                properties = whole["Properties"]
                assert properties["AliasName"].startswith(f"alias/{PROD.names.prefix}-")
                target = properties["TargetKeyId"]["Fn::GetAtt"][0]
                assert resources[target]["Type"] == "AWS::KMS::Key"
    keys = sum(
        whole["Type"] == "AWS::KMS::Key"
        for template in prod.templates.values()
        for whole in template.get("Resources", {}).values()
    )
    assert aliases == keys


@pytest.mark.parametrize("region", REGIONS)
def test_each_zone_of_the_lake_has_a_database_of_its_name(region: str, prod: Assembly) -> None:
    names = {
        database.properties["DatabaseInput"]["Name"]
        for area in ("datalake", "lake-catalogue")
        for database in prod.all(region, area, "AWS::Glue::Database")
    }
    assert {f"richesreach_prod_{zone}" for zone in ("raw", "processed", "curated")} <= names


def test_users_sign_in_at_a_domain_that_no_other_account_can_have(prod: Assembly) -> None:
    domain = prod.one(HOME, "edge-state", "AWS::Cognito::UserPoolDomain").properties
    pool = prod.one(HOME, "edge-state", "AWS::Cognito::UserPool")
    assert domain == {
        "Domain": f"{PROD.names.prefix}-111111111111",
        "UserPoolId": {"Ref": pool.logical_id},
    }


@pytest.mark.parametrize("region", REGIONS)
def test_queues_refuse_whoever_comes_without_tls(region: str, prod: Assembly) -> None:
    policies = prod.all(region, "monitoring", "AWS::SQS::QueuePolicy")
    assert policies
    for policy in policies:
        (denied,) = [
            statement
            for statement in policy.properties["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
        ]
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert denied["Action"] == "sqs:*"
        assert denied["Principal"] == {"AWS": "*"}


def test_erasure_calls_its_own_function_and_keeps_no_subject_in_its_log(prod: Assembly) -> None:
    machine = prod.one(PROD.writer_region, "security", "AWS::StepFunctions::StateMachine").properties
    assert machine["StateMachineName"] == PROD.names.erasure
    assert set(json.loads(machine["DefinitionString"])["States"]) >= {"Plan"}
    function = machine["DefinitionSubstitutions"]["Control"]
    assert "Fn::GetAtt" in function
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
