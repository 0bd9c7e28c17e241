"""Findings of the policy packs that the global-db area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged

_SECONDARY = "a secondary of a Global Datastore inherits it from the primary and must not name it"
_USERS = (
    "the rule looks for the one AUTH token of a whole cache; here a user group asks each user for a password"
)
_UNUSED = "the password of a user that is switched off: nobody holds it and nothing takes it"
_TWO_STORES = (
    "a user's password changes by ModifyUser in every region of its store at once; docs/databases.md"
    " says how, with both passwords valid in between"
)
_MANAGED = (
    "AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/{policy}]"
)

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged("Cache/Group", "AwsSolutions::AwsSolutions-AEC6", _USERS),
    Acknowledged("Datastore/Group", "AwsSolutions::AwsSolutions-AEC6", _USERS),
    Acknowledged("Cache/DefaultUser/Secret/Resource", "AwsSolutions::AwsSolutions-SMG4", _UNUSED),
    Acknowledged("Cache/Users/AppSecret/Resource", "AwsSolutions::AwsSolutions-SMG4", _TWO_STORES),
    Acknowledged("Cache/Users/AdminSecret/Resource", "AwsSolutions::AwsSolutions-SMG4", _TWO_STORES),
    Acknowledged("Datastore/Users/AppSecret/Resource", "AwsSolutions::AwsSolutions-SMG4", _TWO_STORES),
    Acknowledged("Datastore/Users/AdminSecret/Resource", "AwsSolutions::AwsSolutions-SMG4", _TWO_STORES),
    Acknowledged("Datastore/Group", "AwsSolutions::AwsSolutions-AEC3", _SECONDARY),
    Acknowledged("Datastore/Group", "AwsSolutions::AwsSolutions-AEC5", _SECONDARY),
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
        "AwsSolutions::AwsSolutions-SMG4",
        "the stack of the rotation area rotates it; the rule looks for a schedule in the secret's own stack",
    ),
)
