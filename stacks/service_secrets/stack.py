"""service-secrets: what a manifest needs by ``secrets:<name>``, which people fill in and nobody generates."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.manifest import Manifest
from stacks.secret import replicated_secret

AREA = "service-secrets"

#: What a secret is born as: tasks start with it, and what has no key in it says that it is disabled.
EMPTY = "{}"


class ServiceSecretsStack(PlatformStack):
    """One in the home region; tasks anywhere read their own region's copy.

    A deployment never takes back what somebody put in: CloudFormation makes a new version of a secret when
    ``SecretString`` changes in the template, and here it never does.
    """

    def __init__(self, scope: Construct, site: Site, *, manifests: Sequence[Manifest]) -> None:
        super().__init__(scope, site, AREA, description="Keys of the services' providers")
        self.secrets = {name: self._secret(name) for name in needed(manifests)}

    def _secret(self, name: str) -> secretsmanager.Secret:
        return replicated_secret(
            self,
            name.replace("/", "-"),
            site=self.site,
            name=self.site.names.secret(name),
            description="Filled in by hand (docs/services.md); no key in it is a provider that is disabled",
            text=cdk.SecretValue.unsafe_plain_text(EMPTY),
            copied=True,
        )


def needed(manifests: Sequence[Manifest]) -> list[str]:
    """Names of the secrets that any service needs."""
    return sorted({name for manifest in manifests for name in manifest.secret_names})
