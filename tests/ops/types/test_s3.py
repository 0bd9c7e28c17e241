"""A bucket's configuration reads back through the S3 API."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import LocalAws, Stack

KEY = "arn:aws:kms:us-east-1:000000000000:key/lake"
PROPERTIES: dict[str, Any] = {
    "BucketName": "lake-under-test",
    "LifecycleConfiguration": {
        "Rules": [
            {
                "Id": "raw",
                "Prefix": "raw/",
                "Status": "Enabled",
                "Transitions": [
                    {"StorageClass": "STANDARD_IA", "TransitionInDays": 30},
                    {"StorageClass": "DEEP_ARCHIVE", "TransitionInDays": 180},
                ],
                "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
            }
        ]
    },
    "BucketEncryption": {
        "ServerSideEncryptionConfiguration": [
            {
                "BucketKeyEnabled": True,
                "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
            }
        ]
    },
    "VersioningConfiguration": {"Status": "Enabled"},
    "PublicAccessBlockConfiguration": dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    ),
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 300}]},
    "LoggingConfiguration": {"DestinationBucketName": {"Ref": "Logs"}, "LogFilePrefix": "lake/"},
    "ReplicationConfiguration": {
        "Role": "arn:aws:iam::000000000000:role/replication",
        "Rules": [
            {
                "Id": "curated",
                "Status": "Enabled",
                "Priority": 1,
                "Filter": {"Prefix": "curated/"},
                "DeleteMarkerReplication": {"Status": "Disabled"},
                "Destination": {"Bucket": {"Fn::GetAtt": ["Replica", "Arn"]}},
            }
        ],
    },
    "Tags": [{"Key": "area", "Value": "datalake"}],
}


@pytest.fixture(scope="module")
def bucket(aws: LocalAws) -> Stack:
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
    return aws.deploy(
        {
            "Logs": {"Type": "AWS::S3::Bucket", "Properties": {}},
            "Replica": {"Type": "AWS::S3::Bucket", "Properties": versioned},
            "Lake": {"Type": "AWS::S3::Bucket", "Properties": PROPERTIES},
        },
        {"Lake": {"Ref": "Lake"}, "Logs": {"Ref": "Logs"}},
    )


def _read(aws: LocalAws, stack: Stack, operation: str) -> dict[str, Any]:
    return dict(getattr(aws.client("s3"), operation)(Bucket=stack.outputs["Lake"]))


def test_lifecycle_transitions_read_back(aws: LocalAws, bucket: Stack) -> None:
    rule = _read(aws, bucket, "get_bucket_lifecycle_configuration")["Rules"][0]
    assert [(t["StorageClass"], t["Days"]) for t in rule["Transitions"]] == [
        ("STANDARD_IA", 30),
        ("DEEP_ARCHIVE", 180),
    ]
    assert (rule["Filter"], rule["NoncurrentVersionExpiration"]) == (
        {"Prefix": "raw/"},
        {"NoncurrentDays": 30},
    )


def test_encryption_reads_back_with_key_and_bucket_key(aws: LocalAws, bucket: Stack) -> None:
    rule = _read(aws, bucket, "get_bucket_encryption")["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == KEY
    assert rule["BucketKeyEnabled"] is True


def test_access_ownership_and_versioning_read_back(aws: LocalAws, bucket: Stack) -> None:
    assert all(_read(aws, bucket, "get_public_access_block")["PublicAccessBlockConfiguration"].values())
    controls = _read(aws, bucket, "get_bucket_ownership_controls")["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert _read(aws, bucket, "get_bucket_versioning")["Status"] == "Enabled"


def test_cors_logging_replication_and_tags_read_back(aws: LocalAws, bucket: Stack) -> None:
    assert _read(aws, bucket, "get_bucket_cors")["CORSRules"][0]["MaxAgeSeconds"] == 300
    logging = _read(aws, bucket, "get_bucket_logging")["LoggingEnabled"]
    assert (logging["TargetBucket"], logging["TargetPrefix"]) == (bucket.outputs["Logs"], "lake/")
    rules = _read(aws, bucket, "get_bucket_replication")["ReplicationConfiguration"]["Rules"]
    assert [(rule["ID"], rule["Filter"]) for rule in rules] == [("curated", {"Prefix": "curated/"})]
    assert {"Key": "area", "Value": "datalake"} in _read(aws, bucket, "get_bucket_tagging")["TagSet"]


def test_a_write_under_kms_needs_no_key_of_its_own(aws: LocalAws, bucket: Stack) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket.outputs["Lake"], Key="raw/x", Body=b"x", ServerSideEncryption="aws:kms")
    assert s3.get_object(Bucket=bucket.outputs["Lake"], Key="raw/x")["Body"].read() == b"x"
