"""The function that rotates the database's password: where it stands, what it may do, and when it runs."""

from __future__ import annotations

import pytest

from stacks.environment import load_environment
from tests.stacks.assembly import Assembly, Resource
from tests.stacks.test_data import HOME, REGIONS

REACH = load_environment("prod").reach


@pytest.fixture(scope="module")
def function(prod: Assembly) -> Resource:
    return prod.one(HOME, "rotation", "AWS::Lambda::Function")


def test_rotation_stands_where_the_primary_of_the_secret_is_and_nowhere_else(prod: Assembly) -> None:
    assert prod.regions("rotation") == [HOME]


def test_environment_that_rotates_nothing_has_no_such_stack(local: Assembly) -> None:
    assert local.regions("rotation") == []


def test_rotation_is_due_as_configured_and_not_at_a_deployment(prod: Assembly) -> None:
    schedule = prod.one(HOME, "rotation", "AWS::SecretsManager::RotationSchedule").properties
    days = load_environment("prod").database.rotation_days
    assert schedule["RotationRules"] == {"AutomaticallyAfterDays": days}
    assert schedule["RotateImmediatelyOnUpdate"] is False


def test_function_finds_the_members_by_a_parameter_that_every_data_region_publishes(
    prod: Assembly, function: Resource
) -> None:
    variables = function.properties["Environment"]["Variables"]
    for region in REGIONS:
        names = {p.properties["Name"] for p in prod.all(region, "global-db", "AWS::SSM::Parameter")}
        assert variables["DATABASE_ENDPOINT"] in names
    assert variables["DATABASE_TLS"] == "true"
    assert variables["SERVICES"] == "ai-router,features,gateway,history,market-data,stream"


def test_function_runs_in_the_network_and_reaches_databases_and_apis_alone(
    prod: Assembly, function: Resource
) -> None:
    group = prod.one(HOME, "rotation", "AWS::EC2::SecurityGroup")
    assert len(function.properties["VpcConfig"]["SubnetIds"]) == 3
    rules = {(rule["CidrIp"], rule["ToPort"]) for rule in group.properties["SecurityGroupEgress"]}
    assert rules == {(load_environment("prod").network.address_space, 5432), ("0.0.0.0/0", 443)}
    assert "SecurityGroupIngress" not in group.properties


def test_function_may_touch_the_one_secret_and_renew_the_services_that_hold_it(prod: Assembly) -> None:
    (grants,) = prod.policies(HOME, "rotation")
    policy = grants.properties["PolicyDocument"]["Statement"]
    by_id = {statement["Sid"]: statement for statement in policy}
    assert sorted(by_id["RenewTheServices"]["Resource"]) == [
        f"arn:aws:ecs:{region}:111111111111:service/richesreach-prod/{service}"
        for region in sorted(REACH)
        for service in ("ai-router", "features", "gateway", "history", "market-data", "stream")
    ]
    for sid in ("RotateTheSecret", "ReadTheSecretAndItsReplicas"):
        assert "secret:richesreach/prod/database-??????" in str(by_id[sid]["Resource"])
        assert "*" not in str(by_id[sid]["Resource"])
    unbounded = [statement["Action"] for statement in policy if statement["Resource"] == "*"]
    assert unbounded[0] == "secretsmanager:GetRandomPassword"
    assert all(action.startswith("ec2:") for action in unbounded[1])


def test_only_secrets_manager_may_call_it_and_for_the_one_secret(prod: Assembly) -> None:
    permission = prod.one(HOME, "rotation", "AWS::Lambda::Permission").properties
    assert permission["Principal"] == "secretsmanager.amazonaws.com"
    assert permission["SourceAccount"] == "111111111111"
    schedule = prod.one(HOME, "rotation", "AWS::SecretsManager::RotationSchedule").properties
    assert permission["SourceArn"] == schedule["SecretId"]
