"""The local users, one for each role, sign in at a user pool of the local AWS, where alone they exist."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ops import identity
from ops.errors import OperationError, UsageError
from ops.local import aws
from stacks.environment import load_environment

LOCAL = load_environment("local")
REGION = LOCAL.dns_region


@pytest.fixture
def pool(commanded: None) -> str:
    """A user pool as the edge-state stack leaves it, and published as that publishes it."""
    cognito, ssm = aws.client("cognito-idp", REGION), aws.client("ssm", REGION)
    identifier = str(cognito.create_user_pool(PoolName="richesreach-local")["UserPool"]["Id"])
    client = cognito.create_user_pool_client(
        UserPoolId=identifier, ClientName="web", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    for role in identity.ROLES:
        cognito.create_group(UserPoolId=identifier, GroupName=role)
    for name, value in {"user-pool-id": identifier, "web-client-id": client}.items():
        key = LOCAL.names.parameter("edge", name)
        ssm.put_parameter(Name=key, Value=value, Type="String", Overwrite=True)
    return identifier


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return read


def users(pool: str) -> list[str]:
    found = aws.client("cognito-idp", REGION).list_users(UserPoolId=pool)["Users"]
    return sorted(user["Username"] for user in found)


@pytest.mark.usefixtures("pool")
def test_each_role_gets_a_token_that_names_it() -> None:
    tokens = identity.tokens(LOCAL)
    assert {role: claims(token)["cognito:groups"] for role, token in tokens.items()} == {
        role: [role] for role in ("viewer", "trader", "admin", "service")
    }


def test_second_sign_in_makes_no_second_user(pool: str) -> None:
    identity.tokens(LOCAL)
    first = users(pool)
    identity.tokens(LOCAL)
    assert users(pool) == first
    assert len(first) == len(identity.ROLES)


def test_users_of_another_environment_are_never_made(pool: str) -> None:
    with pytest.raises(UsageError, match="users of prod sign in at the user pool"):
        identity.tokens(load_environment("prod"))
    assert users(pool) == []


def test_gateway_that_does_not_answer_is_named_with_its_mend() -> None:
    with pytest.raises(OperationError, match=r"GET http://127\.0\.0\.1:9/api/keys: .*is the platform up\?"):
        identity.api_key("http://127.0.0.1:9", "token")


def test_platform_without_a_user_pool_is_named_with_its_mend(pool: str) -> None:
    aws.client("ssm", REGION).delete_parameter(Name=LOCAL.names.parameter("edge", "user-pool-id"))
    with pytest.raises(OperationError, match=r"the user pool does not answer \(.*is the platform up\?"):
        identity.tokens(LOCAL)
    assert users(pool) == []
