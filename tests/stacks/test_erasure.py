"""Erasure reaches the one user pool, from the writer's region alone."""

from __future__ import annotations

import json

from tests.stacks.assembly import Assembly

WRITER, OTHER = "us-east-1", "eu-west-1"


def worker_policy(assembly: Assembly, region: str) -> str:
    policies = assembly.all(region, "security", "AWS::IAM::ManagedPolicy")
    (found,) = (json.dumps(p.properties) for p in policies if "FindObjects" in json.dumps(p.properties))
    return found


def test_users_are_erased_by_the_writers_function_alone_and_in_no_other_pool(prod: Assembly) -> None:
    policy = json.loads(worker_policy(prod, WRITER))
    (statement,) = (s for s in policy["PolicyDocument"]["Statement"] if s["Sid"] == "EraseUsers")
    assert statement["Action"] == ["cognito-idp:AdminDeleteUser", "cognito-idp:AdminGetUser"]
    assert "*" not in json.dumps(statement["Resource"])
    assert "cognito-idp" not in worker_policy(prod, OTHER)


def test_a_persons_user_is_the_first_step_of_an_erasure(prod: Assembly) -> None:
    functions = prod.all(WRITER, "security", "AWS::Lambda::Function")
    variables = [f.properties.get("Environment", {}).get("Variables", {}) for f in functions]
    (listed,) = (each["STEPS"] for each in variables if "STEPS" in each)
    assert json.loads(listed)[0] == {"region": WRITER, "store": "user-pool"}
    assert sum("USER_POOL_ID" in each for each in variables) == 1
