"""A user pool as the edge-state stack makes it, in the local AWS that `make up` runs too."""

import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import loopback
from richesreach.core.auth.roles import ROLES

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
PASSWORD = "Correct-Horse-Battery-9"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Pool:
    endpoint: str
    id: str
    client_id: str
    cognito: Any
    machine: tuple[str, str]
    """Id and secret of the client that the services are to each other."""

    @property
    def variables(self) -> dict[str, str]:
        """What a task's environment says about it."""
        return {
            "IDENTITY_ISSUER": f"https://cognito-idp.{REGION}.amazonaws.com/{self.id}",
            "IDENTITY_CLIENTS": f"{self.client_id} {self.machine[0]}",
            "USER_POOL_ID": self.id,
            "USER_POOL_CLIENT_ID": self.client_id,
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    @property
    def service_variables(self) -> dict[str, str]:
        """What it says besides to a service that calls others."""
        client, secret = self.machine
        return {
            "SERVICE_CLIENT_ID": client,
            "SERVICE_CLIENT_SECRET": secret,
            "IDENTITY_TOKEN_URL": f"https://test.auth.{REGION}.amazoncognito.com/oauth2/token",
        }

    def person(self, email: str, *roles: str) -> tuple[str, str]:
        """A user with these roles: subject and access token."""
        self.cognito.admin_create_user(
            UserPoolId=self.id,
            Username=email,
            UserAttributes=[{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}],
            TemporaryPassword=PASSWORD,
            MessageAction="SUPPRESS",
        )
        self.cognito.admin_set_user_password(
            UserPoolId=self.id, Username=email, Password=PASSWORD, Permanent=True
        )
        for role in roles:
            self.cognito.admin_add_user_to_group(UserPoolId=self.id, Username=email, GroupName=role)
        found = self.cognito.initiate_auth(
            ClientId=self.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
        )
        attributes = self.cognito.admin_get_user(UserPoolId=self.id, Username=email)["UserAttributes"]
        (subject,) = (each["Value"] for each in attributes if each["Name"] == "sub")
        return subject, found["AuthenticationResult"]["AccessToken"]


@contextmanager
def user_pool(work: Path) -> Iterator[Pool]:
    host, port = loopback.own_address()
    endpoint = f"http://{host}:{port}"
    with (work / "log").open("wb") as log:
        process = subprocess.Popen(
            [ROOT / ".venv-local" / "bin" / "python", "-m", "ops.local.types"],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(work),
                "TMPDIR": str(work),
                "BIND_HOST": host,
                "MINISTACK_HOST": host,
                "GATEWAY_PORT": str(port),
                "EDGE_PORT": str(port),
                "LOG_LEVEL": "WARNING",
            },
            preexec_fn=loopback.die_with_parent,  # noqa: PLW1509
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        loopback.until(lambda: _answers(endpoint), "the local AWS answers", patience=60)
        yield _made(endpoint)
    finally:
        process.kill()
        process.wait(30)


def _answers(endpoint: str) -> bool:
    try:
        with _DIRECT.open(f"{endpoint}/_ministack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _made(endpoint: str) -> Pool:
    cognito = boto3.client(
        "cognito-idp",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    pool_id = cognito.create_user_pool(
        PoolName="test",
        UsernameAttributes=["email"],
        Policies={"PasswordPolicy": {"MinimumLength": 14, "RequireNumbers": True}},
    )["UserPool"]["Id"]
    for role in sorted(ROLES):
        cognito.create_group(UserPoolId=pool_id, GroupName=role)
    client = cognito.create_user_pool_client(
        UserPoolId=pool_id,
        ClientName="web",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        PreventUserExistenceErrors="ENABLED",
    )["UserPoolClient"]["ClientId"]
    return Pool(endpoint, pool_id, client, cognito, _machine(cognito, pool_id))


def _machine(cognito: Any, pool_id: str) -> tuple[str, str]:
    cognito.create_resource_server(
        UserPoolId=pool_id,
        Identifier="richesreach",
        Name="richesreach",
        Scopes=[{"ScopeName": "service", "ScopeDescription": "another service"}],
    )
    made = cognito.create_user_pool_client(
        UserPoolId=pool_id,
        ClientName="neighbours",
        GenerateSecret=True,
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthScopes=["richesreach/service"],
    )["UserPoolClient"]
    return made["ClientId"], made["ClientSecret"]
