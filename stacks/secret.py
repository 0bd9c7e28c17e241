"""A secret of the platform: under the key of its region, copied to the regions that read it.

Who may call Secrets Manager for a secret needs its region's key too: ``opens`` and ``seals`` are what the
role of a reader and of a writer may do with it ("Permissions for the KMS key", Secrets Manager user guide).
"""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.base import Site


def replicated_secret(
    scope: Construct,
    construct_id: str,
    *,
    site: Site,
    name: str,
    description: str,
    copied: bool,
    generate: secretsmanager.SecretStringGenerator | None = None,
    text: cdk.SecretValue | None = None,
) -> secretsmanager.Secret:
    """A secret of this ``name``, and where ``copied`` its replica in every other region of the environment.

    It is born as what ``generate`` makes, or as ``text``. Keys are named by their alias: that of a copy is
    made in a stack of the copy's own region, which the stack of ``scope`` must come after.
    """
    secret = secretsmanager.Secret(
        scope,
        construct_id,
        secret_name=name,
        description=description,
        generate_secret_string=generate,
        secret_string_value=text,
        removal_policy=site.removal_policy,
    )
    resource = secret.node.default_child
    if not isinstance(resource, secretsmanager.CfnSecret):
        raise TypeError(f"{secret.node.path} has no resource of its own")
    key = f"alias/{site.names.secrets_key}"
    resource.kms_key_id = key
    others = [region for region in site.environment.regions if region != site.region] if copied else []
    if others:
        resource.replica_regions = [
            secretsmanager.CfnSecret.ReplicaRegionProperty(region=region, kms_key_id=key) for region in others
        ]
    return secret


def opens(*keys: kms.IKey) -> iam.PolicyStatement:
    """What who reads secrets of these keys' regions needs besides; the key policy admits Secrets Manager's
    calls alone, so that it opens no more than the secrets that the role may get."""
    return _use("OpenSecrets", ["kms:Decrypt"], keys)


def seals(*keys: kms.IKey) -> iam.PolicyStatement:
    """What who changes a secret needs besides: ``keys`` are its region's and those of its copies'."""
    return _use("SealSecrets", ["kms:Encrypt", "kms:GenerateDataKey"], keys)


def opens_copies(site: Site) -> iam.PolicyStatement:
    """``opens`` for the secret and its copies wherever the platform may be, also in regions yet to join."""
    return _by_alias(site, "OpenSecrets", ["kms:Decrypt"])


def seals_copies(site: Site) -> iam.PolicyStatement:
    """``seals`` likewise."""
    return _by_alias(site, "SealSecrets", ["kms:Encrypt", "kms:GenerateDataKey"])


def _by_alias(site: Site, sid: str, actions: list[str]) -> iam.PolicyStatement:
    """A key that is not made yet has no id, but every region's key of secrets has this alias."""
    return iam.PolicyStatement(
        sid=sid,
        actions=actions,
        resources=[f"arn:aws:kms:{region}:{site.account}:key/*" for region in site.environment.reach],
        conditions={"ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{site.names.secrets_key}"}},
    )


def _use(sid: str, actions: list[str], keys: Iterable[kms.IKey]) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=actions, resources=[key.key_arn for key in keys])
