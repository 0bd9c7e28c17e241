"""What a service's tasks may do: what their manifest needs, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from stacks.manifest import Manifest

#: Zones that the bare need ``lake`` may read; a prefix that a service names it may also write.
READABLE_ZONES = ("curated", "metadata")

READ = ["s3:GetObject"]
WRITE = ["s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload"]


def task_statements(manifest: Manifest, bucket: str, key: kms.IKey) -> Iterator[iam.PolicyStatement]:
    """Statements of the task role. ``bucket`` is the lake's, by its name.

    Secrets are injected by the execution role; database and caches are reached by credentials and security
    groups; topics are in `stream_statements`.
    """
    prefixes = manifest.lake_prefixes
    readable = [*(READABLE_ZONES if "lake" in manifest.needs else ()), *prefixes]
    if not readable:
        return
    yield iam.PolicyStatement(
        sid="ListTheLake",
        actions=["s3:ListBucket"],
        resources=[f"arn:aws:s3:::{bucket}"],
        conditions={"StringLike": {"s3:prefix": [f"{prefix}/*" for prefix in readable]}},
    )
    yield iam.PolicyStatement(sid="ReadTheLake", actions=READ, resources=_below(bucket, readable))
    if prefixes:
        yield iam.PolicyStatement(sid="WriteTheLake", actions=WRITE, resources=_below(bucket, prefixes))
    yield iam.PolicyStatement(
        sid="UseTheLakesKey",
        actions=["kms:Decrypt", *(["kms:GenerateDataKey"] if prefixes else [])],
        resources=[key.key_arn],
    )


def model_statements(manifest: Manifest, account: str) -> Iterator[iam.PolicyStatement]:
    """To ask Bedrock's models of the families that the manifest names, directly or by an inference profile.

    Of the service alone: what migrates its tables asks no model. In every region, as a profile sends a
    request on to any of its geography ("Prerequisites for inference profiles" in Bedrock's user guide); of
    the account's own profiles, those of AWS alone have such names.
    """
    families = manifest.model_families
    if families:
        places = ("*::foundation-model/", f"*:{account}:inference-profile/*.")
        yield iam.PolicyStatement(
            sid="AskModels",
            actions=["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
            resources=[f"arn:aws:bedrock:{place}{family}*" for family in families for place in places],
        )


def _below(bucket: str, prefixes: list[str]) -> list[str]:
    return [f"arn:aws:s3:::{bucket}/{prefix}/*" for prefix in prefixes]
