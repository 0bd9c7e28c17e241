"""Who issues the tokens of those who call the services, and whose directory the users are in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aws_cdk import aws_iam as iam

from stacks.manifest import Manifest

#: What the service that manages users does with the user pool. Signing up, in and out needs no right.
MANAGE_USERS = [
    "cognito-idp:AdminAddUserToGroup",
    "cognito-idp:AdminDeleteUser",
    "cognito-idp:AdminDisableUser",
    "cognito-idp:AdminEnableUser",
    "cognito-idp:AdminGetUser",
    "cognito-idp:AdminListGroupsForUser",
    "cognito-idp:AdminRemoveUserFromGroup",
    "cognito-idp:AdminUserGlobalSignOut",
    "cognito-idp:ListUsers",
]


@dataclass(frozen=True)
class UserPool:
    """The pool as the services know it.

    ``clients`` are the ids that tokens may be issued to, ``web_client`` the one that people sign in to.
    """

    arn: str
    pool_id: str
    issuer: str
    clients: Sequence[str]
    web_client: str
    token_url: str

    def variables(self, manifest: Manifest) -> dict[str, str]:
        """Every service verifies who calls; one that needs ``identity`` reaches the pool besides, and one
        that calls neighbours the token endpoint."""
        values = {"IDENTITY_ISSUER": self.issuer, "IDENTITY_CLIENTS": " ".join(self.clients)}
        if "identity" in manifest.needs:
            values |= {"USER_POOL_ID": self.pool_id, "USER_POOL_CLIENT_ID": self.web_client}
        if manifest.calls:
            values["IDENTITY_TOKEN_URL"] = self.token_url
        return values

    def statements(self, manifest: Manifest) -> Iterator[iam.PolicyStatement]:
        """Of the task role."""
        if "identity" in manifest.needs:
            yield iam.PolicyStatement(sid="ManageUsers", actions=MANAGE_USERS, resources=[self.arn])
