"""One control has a name in each policy pack and tool; an acknowledgement of it says them all, exactly.

Which packs know a control, and what they call it: RULES.md of cdk-nag, the policy index of checkov.
"""

from __future__ import annotations

NIST, PCI, HIPAA = "NIST.800.53.R5", "PCI.DSS.321", "HIPAA.Security"

Control = tuple[str, ...]


def _solutions(rule: str) -> Control:
    return (f"AwsSolutions::AwsSolutions-{rule}",)


def _packs(rule: str, *packs: str) -> Control:
    return tuple(f"{pack}::{pack}-{rule}" for pack in packs)


def _checkov(*rules: str) -> Control:
    return tuple(f"Checkov::{rule}" for rule in rules)


def privilege(kind: str, *names: str) -> Control:
    """What cloudsplaining calls ``kind``, for each action of the policy that it names."""
    return tuple(f"Cloudsplaining::{kind}[{name}]" for name in names)


ALARM_ACTION = _packs("CloudWatchAlarmAction", NIST, HIPAA)
BALANCER_FIREWALL = _packs("ALBWAFEnabled", NIST, PCI)
BUCKET_KEY = _packs("S3DefaultEncryptionKMS", NIST, PCI, HIPAA)
BUCKET_REPLICATION = _packs("S3BucketReplicationEnabled", NIST, PCI, HIPAA)
CACHE_AUTHENTICATION = _solutions("AEC6")
CACHE_BACKUP = _packs("ElastiCacheRedisClusterAutomaticBackup", NIST, HIPAA)
CACHE_ENCRYPTION = (
    *_solutions("AEC3"),
    *_solutions("AEC5"),
    *_checkov("CKV_AWS_29", "CKV_AWS_30", "CKV_AWS_31"),
)
DATABASE_BACKUP = _packs("RDSInBackupPlan", NIST, HIPAA)
DEFAULT_GROUP = _packs("VPCDefaultSecurityGroupClosed", NIST, PCI, HIPAA)
DISTRIBUTION_LOG = (*_solutions("CFR3"), *_checkov("CKV_AWS_86"))
EVERYTHING_ALLOWED = (
    *_solutions("IAM5[Action::*]"),
    *_solutions("IAM5[Resource::*]"),
    *_packs("IAMPolicyNoStatementsWithAdminAccess", NIST, PCI, HIPAA),
    *_packs("IAMPolicyNoStatementsWithFullAccess", NIST, PCI, HIPAA),
    *_checkov("CKV_AWS_107", "CKV_AWS_108", "CKV_AWS_109", "CKV_AWS_110", "CKV_AWS_111"),
    *privilege("CredentialsExposure", "*"),
    *privilege("DataExfiltration", "*"),
    *privilege("InfrastructureModification", "*"),
    *privilege("PrivilegeEscalation", "*"),
    *privilege("ResourceExposure", "*"),
    *privilege("ServiceWildcard", "*"),
)
FLINK_INTERFACES = (
    *_solutions("IAM5[Resource::*]"),
    *_checkov("CKV_AWS_109", "CKV_AWS_111"),
    *privilege("ResourceExposure", "ec2:CreateNetworkInterfacePermission"),
    *privilege(
        "InfrastructureModification",
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
    ),
)
FUNCTION_CONCURRENCY = (*_packs("LambdaConcurrency", NIST, HIPAA), *_checkov("CKV_AWS_115"))
FUNCTION_DEAD_LETTERS = (*_packs("LambdaDLQ", NIST, HIPAA), *_checkov("CKV_AWS_116"))
FUNCTION_NETWORK = (*_packs("LambdaInsideVPC", NIST, PCI, HIPAA), *_checkov("CKV_AWS_117"))
LAST_BUCKET = (
    *_solutions("S1"),
    *_packs("S3BucketLoggingEnabled", NIST, PCI, HIPAA),
    *_checkov("CKV_AWS_18"),
)
LOGS_OF_LOGS = _checkov("CKV_AWS_18")
NETWORK_INTERFACES = (
    *_solutions("IAM5[Resource::*]"),
    *_checkov("CKV_AWS_111"),
    *privilege(
        "InfrastructureModification",
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:UnassignPrivateIpAddresses",
    ),
)
PUBLIC_ROUTE = _packs("VPCNoUnrestrictedRouteToIGW", NIST, PCI, HIPAA)
REGISTRY_TOKEN = (
    *_solutions("IAM5[Resource::*]"),
    *privilege("CredentialsExposure", "ecr:GetAuthorizationToken"),
)
SECRET_ROTATION = (*_solutions("SMG4"), *_packs("SecretsManagerRotationEnabled", NIST, HIPAA))
