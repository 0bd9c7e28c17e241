"""The region's key of secrets: used through Secrets Manager alone, by whose own policy says so."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import Site

#: "Allows key administrators to administer the KMS key" (AWS KMS developer guide), without grants, which
#: would let a key be used by whom no policy names.
ADMINISTER = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)

USE = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")


def secrets_key(scope: Construct, construct_id: str, *, site: Site) -> kms.Key:
    """Both statements leave it to the account's identity policies who may; neither allows anybody by itself.

    A secret is copied by Secrets Manager of the primary's region, so that every region's may use the key.
    """
    return kms.Key(
        scope,
        construct_id,
        alias=site.names.secrets_key,
        description=f"Secrets of {site.names.prefix} in {site.region}",
        enable_key_rotation=True,
        policy=iam.PolicyDocument(
            statements=[
                _statement("Administer", ADMINISTER),
                _statement(
                    "ThroughSecretsManager",
                    USE,
                    {
                        "StringEquals": {
                            "kms:CallerAccount": site.account,
                            "kms:ViaService": [
                                f"secretsmanager.{region}.amazonaws.com" for region in site.environment.reach
                            ],
                        }
                    },
                ),
            ]
        ),
        removal_policy=site.removal_policy,
    )


def _statement(
    sid: str, actions: tuple[str, ...], conditions: dict[str, dict[str, str | list[str]]] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        principals=[iam.AccountRootPrincipal()],
        actions=[*actions],
        resources=["*"],  # in a key policy that is the key itself
        conditions=conditions,
    )
