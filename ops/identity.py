"""The local users: one for each role, and a bearer token for each.

They exist on the local platform alone, where `edge.identity.password_sign_in` lets a client send a password.
Their passwords are drawn anew at each sign-in and kept nowhere.
"""

from __future__ import annotations

import secrets
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.errors import OperationError, UsageError
from ops.local import aws
from stacks.environment import Environment

#: Weakest first; the groups of the user pool.
ROLES = ("viewer", "trader", "admin", "service")


def tokens(environment: Environment) -> dict[str, str]:
    """Access token by role, from the local user pool.

    Raises:
        UsageError: the environment is none whose users sign in by password.
        OperationError: the user pool does not answer.
    """
    if not environment.edge.identity.password_sign_in:
        raise UsageError(
            f"users of {environment.name} sign in at the user pool; only local ones are made here"
        )
    try:
        return {role: _sign_in(environment, role) for role in ROLES}
    except (BotoCoreError, ClientError) as error:
        raise OperationError(
            f"the user pool does not answer ({error}); is the platform up? `make up`"
        ) from None


def _sign_in(environment: Environment, role: str) -> str:
    pool, name = _parameter(environment, "user-pool-id"), f"{role}@{environment.domain}"
    cognito = aws.client("cognito-idp", environment.dns_region)
    password = f"{secrets.token_urlsafe(24)}-aA1"
    _ensure(cognito, pool, name, password)
    cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=password, Permanent=True)
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=role)
    answer = cognito.initiate_auth(
        ClientId=_parameter(environment, "web-client-id"),
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": password},
    )
    return str(answer["AuthenticationResult"]["AccessToken"])


def _ensure(cognito: Any, pool: str, name: str, password: str) -> None:
    """Makes the user, unless an earlier `up` did."""
    attributes = [{"Name": "email", "Value": name}, {"Name": "email_verified", "Value": "true"}]
    try:
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=name,
            UserAttributes=attributes,
            TemporaryPassword=password,
            MessageAction="SUPPRESS",
        )
    except cognito.exceptions.UsernameExistsException:
        return


def _parameter(environment: Environment, name: str) -> str:
    """A value as the edge-state stack published it."""
    found = aws.client("ssm", environment.dns_region).get_parameter(
        Name=environment.names.parameter("edge", name)
    )
    return str(found["Parameter"]["Value"])
