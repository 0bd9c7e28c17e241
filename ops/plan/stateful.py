"""Which resources hold what a deployment cannot make again: data, keys, names that others rely on."""

from __future__ import annotations

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
        "AWS::Glue::Table",
        "AWS::KMS::Key",
        "AWS::Kinesis::Stream",
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


def guarded(kind: str) -> bool:
    """Whether losing or replacing a resource of this type needs an explicit yes."""
    return kind in STATEFUL or kind in BENEATH
