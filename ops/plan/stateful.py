"""Which resources hold what a deployment cannot make again: data, keys, names that others rely on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Types whose loss loses data, or what data can be read with.
STATEFUL = frozenset(
    {
        "AWS::ACMPCA::CertificateAuthority",
        "AWS::APS::Workspace",
        "AWS::Backup::BackupVault",
        "AWS::CloudFront::KeyValueStore",
        "AWS::Cognito::UserPool",
        "AWS::DynamoDB::GlobalTable",
        "AWS::DynamoDB::Table",
        "AWS::ECR::Repository",
        "AWS::ElastiCache::GlobalReplicationGroup",
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::KMS::Key",
        "AWS::Kinesis::Stream",
        "AWS::KinesisAnalyticsV2::Application",
        "AWS::MSK::Cluster",
        "AWS::MSK::ServerlessCluster",
        "AWS::MSK::Topic",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::RDS::GlobalCluster",
        "AWS::Route53::HostedZone",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::SecretsManager::Secret",
    }
)

#: Types that stateful resources stand in: replacing one moves or cuts off what is in it.
BENEATH = frozenset(
    {
        "AWS::EC2::Subnet",
        "AWS::EC2::VPC",
        "AWS::ElastiCache::SubnetGroup",
        "AWS::KMS::Alias",
        "AWS::RDS::DBSubnetGroup",
    }
)


#: Kept for another reason: an edge function's version cannot go before its replicas.
_HOLDS_NONE = frozenset({"AWS::Lambda::Version"})

#: Deletion policies by which CloudFormation leaves the resource, or a snapshot of it, behind.
KEEPING = frozenset({"Retain", "RetainExceptOnCreate", "Snapshot"})


def holds_state(resource: Mapping[str, Any]) -> bool:
    """Whether a resource of a template holds data: by its type, or because its stack keeps it."""
    kept = resource.get("DeletionPolicy") in KEEPING and resource["Type"] not in _HOLDS_NONE
    return kept or resource["Type"] in STATEFUL
