"""boundary: what no role of the platform can do, whatever its own policies say; and the key of its secrets.

A permission boundary grants nothing: a role may do what both its policies and the boundary allow.
"""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.security.secrets_key import secrets_key

#: A Lambda@Edge function writes its log in the region where the viewer was, which may be any; CloudFront's
#: KeyValueStore has a global endpoint.
ANYWHERE = (
    "cloudfront-keyvaluestore:*",
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
)

#: No role makes, changes or removes an identity, a policy or a credential; so none leaves its boundary, nor
#: changes it. Reading, passing a role to a service and making a service's own linked role remain.
IDENTITIES = (
    "account:CloseAccount",
    "account:Put*",
    "iam:Add*",
    "iam:Attach*",
    "iam:ChangePassword",
    "iam:CreateAccessKey",
    "iam:CreateAccountAlias",
    "iam:CreateGroup",
    "iam:CreateInstanceProfile",
    "iam:CreateLoginProfile",
    "iam:CreateOpenIDConnectProvider",
    "iam:CreatePolicy",
    "iam:CreatePolicyVersion",
    "iam:CreateRole",
    "iam:CreateSAMLProvider",
    "iam:CreateServiceSpecificCredential",
    "iam:CreateUser",
    "iam:CreateVirtualMFADevice",
    "iam:DeactivateMFADevice",
    "iam:Delete*",
    "iam:Detach*",
    "iam:EnableMFADevice",
    "iam:Put*",
    "iam:Remove*",
    "iam:ResetServiceSpecificCredential",
    "iam:Set*",
    "iam:Update*",
    "iam:Upload*",
    "organizations:LeaveOrganization",
)

#: The record of what happened, and who watches it, are out of the reach of what they watch.
KEEP_RECORD = (
    "access-analyzer:DeleteAnalyzer",
    "backup:DeleteBackupVault",
    "backup:DeleteBackupVaultLockConfiguration",
    "backup:DeleteRecoveryPoint",
    "backup:PutBackupVaultLockConfiguration",
    "backup:UpdateRecoveryPointLifecycle",
    "cloudtrail:DeleteTrail",
    "cloudtrail:PutEventSelectors",
    "cloudtrail:PutInsightSelectors",
    "cloudtrail:StopLogging",
    "cloudtrail:UpdateTrail",
    "config:DeleteConfigRule",
    "config:DeleteConfigurationRecorder",
    "config:DeleteDeliveryChannel",
    "config:PutConfigurationRecorder",
    "config:PutDeliveryChannel",
    "config:StopConfigurationRecorder",
    "guardduty:DeleteDetector",
    "guardduty:DisassociateFromAdministratorAccount",
    "guardduty:StopMonitoringMembers",
    "guardduty:UpdateDetector",
    "securityhub:BatchDisableStandards",
    "securityhub:DisableSecurityHub",
)

#: A key that is gone takes every backup with it.
KEEP_KEYS = ("kms:DisableKey", "kms:DisableKeyRotation", "kms:ScheduleKeyDeletion")


class BoundaryStack(PlatformStack):
    """The managed policy that bounds every role of its region's stacks, and the key of the secrets that are
    born in the region or copied to it. Those stacks come after it."""

    def __init__(self, scope: Construct, site: Site) -> None:
        super().__init__(
            scope, site, "boundary", description="Permission boundary of the roles; key of secrets"
        )
        self.policy = iam.ManagedPolicy(
            self,
            "Boundary",
            managed_policy_name=site.names.boundary(site.region),
            description=f"What no role of {site.names.prefix} in {site.region} can exceed",
            statements=statements(site),
        )
        self.secrets_key = secrets_key(self, "SecretsKey", site=site)


def statements(site: Site) -> list[iam.PolicyStatement]:
    """All that a role's own policies allow, except other regions, identities, the record and the keys.

    The regions are those that the platform may be in: one that joins is in no role's way, here or there."""
    return [
        iam.PolicyStatement(sid="WhatItsPoliciesAllow", actions=["*"], resources=["*"]),
        iam.PolicyStatement(
            sid="StayInTheRegions",
            effect=iam.Effect.DENY,
            not_actions=[*ANYWHERE],
            resources=["*"],
            conditions={"StringNotEquals": {"aws:RequestedRegion": site.environment.reach}},
        ),
        _deny("NoIdentities", IDENTITIES),
        _deny("KeepTheRecord", KEEP_RECORD),
        _deny("KeepTheKeys", KEEP_KEYS),
    ]


def bound(stack: PlatformStack) -> None:
    """Gives every role of the stack the boundary of its region, also those that the CDK makes."""
    site = stack.site
    policy = iam.ManagedPolicy.from_managed_policy_name(
        stack, "PermissionBoundary", site.names.boundary(site.region)
    )
    iam.PermissionsBoundary.of(stack).apply(policy)


def _deny(sid: str, actions: tuple[str, ...]) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, effect=iam.Effect.DENY, actions=[*actions], resources=["*"])
