"""Findings of the policy packs that the global-db area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged, each
from stacks.controls import (
    CACHE_AUTHENTICATION,
    CACHE_BACKUP,
    CACHE_ENCRYPTION,
    DATABASE_BACKUP,
    SECRET_ROTATION,
)

_SECONDARY = "a secondary of a Global Datastore inherits it from the primary and must not name it"
_USERS = (
    "the rule looks for the one AUTH token of a whole cache; here a user group asks each user for a password"
)
_UNUSED = "the password of a user that is switched off: nobody holds it and nothing takes it"
_TWO_STORES = (
    "a user's password changes by ModifyUser in every region of its store at once; docs/databases.md"
    " says how, with both passwords valid in between"
)
_CLUSTER = "Aurora is backed up by the cluster, which the plan names; an instance holds no data of its own"
_PASSWORDS = tuple(
    f"{store}/Users/{user}Secret/Resource" for store in ("Cache", "Datastore") for user in ("App", "Admin")
)
_MANAGED = (
    "AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/{policy}]"
)

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged("Cache/Group", CACHE_AUTHENTICATION, _USERS),
    Acknowledged("Datastore/Group", CACHE_AUTHENTICATION, _USERS),
    Acknowledged("Cache/DefaultUser/Secret/Resource", SECRET_ROTATION, _UNUSED),
    *each(SECRET_ROTATION, _TWO_STORES, *_PASSWORDS),
    Acknowledged("Datastore/Group", (*CACHE_ENCRYPTION, *CACHE_BACKUP), _SECONDARY),
    *each(DATABASE_BACKUP, _CLUSTER, "Database/Instance1", "Database/Instance2"),
    Acknowledged(
        "Database/Observation/MonitoringRole/Resource",
        _MANAGED.replace("{policy}", "AmazonRDSEnhancedMonitoringRole"),
        "AWS keeps this policy in step with what enhanced monitoring writes; it reaches RDSOSMetrics alone",
    ),
    Acknowledged(
        "Backup/Role/Resource",
        _MANAGED.replace("{policy}", "AWSBackupServiceRolePolicyForBackup"),
        "AWS Backup changes what it calls and documents this policy as the one for its role",
    ),
    Acknowledged(
        "Credentials/Secret/Resource",
        SECRET_ROTATION,
        "the stack of the rotation area rotates it; the rule looks for a schedule in the secret's own stack",
    ),
)
