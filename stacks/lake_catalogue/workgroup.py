"""The Athena workgroup of a region: nobody scans without limit or writes a result in the clear."""

from __future__ import annotations

from aws_cdk import aws_athena as athena
from constructs import Construct

from stacks.base import Site

GIGABYTE = 1_000_000_000


def workgroup(scope: Construct, *, site: Site, key_arn: str) -> athena.CfnWorkGroup:
    """Its configuration is enforced: what a client asks for in its place is ignored."""
    bucket = site.names.query_bucket(site.account, site.region)
    return athena.CfnWorkGroup(
        scope,
        "WorkGroup",
        name=site.names.workgroup,
        description=f"Queries of the lake in {site.region}",
        recursive_delete_option=not site.environment.protect,
        work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
            enforce_work_group_configuration=True,
            bytes_scanned_cutoff_per_query=round(site.environment.lake.query.scan_limit_gb * GIGABYTE),
            publish_cloud_watch_metrics_enabled=True,
            requester_pays_enabled=False,
            engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                selected_engine_version="Athena engine version 3"
            ),
            result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                output_location=f"s3://{bucket}/results/",
                expected_bucket_owner=site.account,
                encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                    encryption_option="SSE_KMS", kms_key=key_arn
                ),
            ),
        ),
    )
