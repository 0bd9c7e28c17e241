"""The local users: one for each role, a bearer token for each, and one API key.

They exist on the local platform alone, where `edge.identity.password_sign_in` lets a client send a password.
Their passwords are drawn anew at each sign-in and kept nowhere.
"""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.errors import OperationError, UsageError
from ops.local import aws
from stacks.environment import Environment

#: Weakest first; the groups of the user pool.
ROLES = ("viewer", "trader", "admin", "service")

#: Name of the key that each `up` issues anew.
KEY_NAME = "make up"

SECONDS = 20.0

# A proxy of the developer is not for the loopback.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


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


def api_key(edge_url: str, token: str) -> str:
    """A new key of the token's bearer, issued through the edge; that of an earlier `up` is revoked.

    Raises:
        OperationError: the gateway does not answer, or refuses.
    """
    for key in _asked(f"{edge_url}/api/keys", token)["keys"]:
        if key["name"] == KEY_NAME and key["revoked_at"] is None:
            _asked(f"{edge_url}/api/keys/{key['id']}", token, method="DELETE")
    return str(_asked(f"{edge_url}/api/keys", token, method="POST", body={"name": KEY_NAME})["key"])


def _asked(url: str, token: str, *, method: str = "GET", body: dict[str, str] | None = None) -> Any:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 (our own edge)
    try:
        with _DIRECT.open(request, timeout=SECONDS) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(500).decode(errors="replace")
        raise OperationError(f"{method} {url} answered {error.code}: {said}") from None
    except (OSError, ValueError) as error:
        raise OperationError(f"{method} {url}: {error}; is the platform up? `make up`") from None


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
