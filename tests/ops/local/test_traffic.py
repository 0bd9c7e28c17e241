"""The edge's process runs while there is a distribution."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.local import aws
from ops.local.reconcilers.traffic import Edge
from tests.ops.local.conftest import eventually, free_port

HOME = "us-east-1"
CONFIG = {
    "CallerReference": "traffic",
    "Comment": "",
    "Enabled": False,
    "Origins": {
        "Quantity": 1,
        "Items": [
            {
                "Id": "site",
                "DomainName": "site.example.test",
                "CustomOriginConfig": {
                    "HTTPPort": 80,
                    "HTTPSPort": 443,
                    "OriginProtocolPolicy": "http-only",
                },
            }
        ],
    },
    "DefaultCacheBehavior": {"TargetOriginId": "site", "ViewerProtocolPolicy": "allow-all"},
}


@pytest.mark.usefixtures("local_aws")
def test_edge_comes_with_the_first_distribution_and_goes_with_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RICHESREACH_EDGE_PORT", str(free_port()))
    monkeypatch.setenv("RICHESREACH_STATE_DIR", str(tmp_path))
    edge = Edge(aws.client, tmp_path)
    try:
        assert edge.reconcile().processes == ()
        cloudfront = aws.client("cloudfront", HOME)
        made = cloudfront.create_distribution(DistributionConfig=CONFIG)
        eventually(lambda: [process.status for process in edge.reconcile().processes] == ["running"])
        cloudfront.delete_distribution(Id=made["Distribution"]["Id"], IfMatch=made["ETag"])
        assert edge.reconcile().processes == ()
    finally:
        edge.stop()
