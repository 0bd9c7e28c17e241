"""Secrets of the databases and caches: generated, referenced, never written into a template."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.base import Site
from stacks.secret import replicated_secret

MASTER_USER = "richesreach"

#: Characters of a password; ElastiCache takes 16 to 128 (CreateUser, ElastiCache API reference).
PASSWORD_LENGTH = 32


def generated(
    scope: Construct,
    construct_id: str,
    *,
    site: Site,
    name: str,
    description: str,
    fields: dict[str, str],
    replicated: bool,
) -> secretsmanager.Secret:
    """A secret ``{**fields, "password": <generated>}``, copied to every other region where ``replicated``."""
    return replicated_secret(
        scope,
        construct_id,
        site=site,
        name=site.names.secret(name),
        description=description,
        generate=secretsmanager.SecretStringGenerator(
            secret_string_template=json.dumps(fields),
            generate_string_key="password",
            exclude_punctuation=True,
            password_length=PASSWORD_LENGTH,
        ),
        copied=replicated,
    )


class Credentials(Construct):
    """The master secret, born in the home region and replicated to every other."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site) -> None:
        super().__init__(scope, construct_id)
        self.secret = generated(
            self,
            "Secret",
            site=site,
            name="database",
            description=f"Master credentials of {site.names.database_cluster(site.region)}",
            fields={"username": MASTER_USER},
            replicated=True,
        )

    def field(self, key: str) -> str:
        """A dynamic reference: CloudFormation resolves it, the template never holds the value."""
        return self.secret.secret_value_from_json(key).unsafe_unwrap()


def password_of(site: Site, name: str) -> str:
    """A dynamic reference to the password of a secret of this region, by name: own or replica."""
    return cdk.SecretValue.secrets_manager(site.names.secret(name), json_field="password").unsafe_unwrap()
